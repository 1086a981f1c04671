# @TEST-DOC: With a depth beyond the thresholds Zeek does not start, and says how to mend it.
#
# @TEST-EXEC-FAIL: zeek -C -r $TRACES/long.pcap $PACKAGE ServeFlow::depth=12 2>err
# @TEST-EXEC: grep -q "ServeFlow::depth is 12, .* packet 11: add { 11, ..., 12 } to ConnThreshold::generic_packet_thresholds" err
