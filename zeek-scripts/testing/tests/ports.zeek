# @TEST-DOC: Only flows towards some ports.
#
# @TEST-EXEC: zeek -C -r $TRACES/payload.pcap $PACKAGE %INPUT LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log

redef ServeFlow::ports = {6000/udp};
