# @TEST-DOC: A flow of more packets than the depth: ten records, and the end counts them.
#
# @TEST-EXEC: zeek -C -r $TRACES/long.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
