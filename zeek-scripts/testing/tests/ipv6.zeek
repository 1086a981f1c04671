# @TEST-DOC: TCP over IPv6.
#
# @TEST-EXEC: zeek -C -r $TRACES/ipv6.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
