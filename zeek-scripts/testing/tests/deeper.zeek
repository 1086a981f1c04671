# @TEST-DOC: A depth beyond ten needs its thresholds.
#
# @TEST-EXEC: zeek -C -r $TRACES/long.pcap $PACKAGE %INPUT LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log

redef ConnThreshold::generic_packet_thresholds += {
	11,
	12,
	20
};
redef ServeFlow::depth = 12;
