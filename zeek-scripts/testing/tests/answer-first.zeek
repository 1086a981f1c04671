# @TEST-DOC: A flow whose SYN was not seen: Zeek takes the port 80 for the responder at once.
#
# @TEST-EXEC: zeek -C -r $TRACES/answer-first.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
