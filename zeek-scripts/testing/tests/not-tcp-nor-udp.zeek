# @TEST-DOC: ARP is passed by; ICMP and a datagram in GRE are flows.
#
# @TEST-EXEC: zeek -C -r $ODD/not-tcp-nor-udp.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
