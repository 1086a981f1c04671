# @TEST-DOC: Payload stays in Zeek, also where it looks like a header.
#
# @TEST-EXEC: zeek -C -r $TRACES/payload.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
