# @TEST-DOC: A depth beyond the thresholds is told, with the remedy.
#
# @TEST-EXEC: zeek -C -r $TRACES/long.pcap $PACKAGE LogAscii::use_json=T ServeFlow::depth=12 2>err
# @TEST-EXEC: grep -q "ServeFlow::depth is 12, .* packet 11: add { 11, ..., 12 } to ConnThreshold::generic_packet_thresholds" err
# @TEST-EXEC: grep -c pkt serveflow.log >count && grep -qx 10 count
