# @TEST-DOC: Only flows with an end in some subnets.
#
# @TEST-EXEC: zeek -C -r $ODD/not-tcp-nor-udp.pcap $PACKAGE %INPUT LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log

redef ServeFlow::subnets = {10.0.0.2/32};
