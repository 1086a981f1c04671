# @TEST-DOC: A transport protocol without a name in the record: the IP header alone.
#
# @TEST-EXEC: zeek -C -r $TRACES/sctp.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
