# @TEST-DOC: IPv6 in IPv4.
#
# @TEST-EXEC: zeek -C -r $TRACES/6in4.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
