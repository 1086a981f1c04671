# @TEST-DOC: IPv4 in IPv4.
#
# @TEST-EXEC: zeek -C -r $TRACES/ip-in-ip.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
