# @TEST-DOC: Only flows of some protocols.
#
# @TEST-EXEC: zeek -C -r $TRACES/payload.pcap $PACKAGE %INPUT LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log

redef ServeFlow::protocols = {
	udp,
	icmp
};
