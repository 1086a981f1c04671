# @TEST-DOC: Echo of both versions, and an error that quotes another packet: eight bytes of ICMP and no more.
#
# @TEST-EXEC: zeek -C -r $TRACES/icmp.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
