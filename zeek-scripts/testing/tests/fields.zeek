# @TEST-DOC: Numbers alone, for those who may not log header bytes; and a sensor's name.
#
# @TEST-EXEC: zeek -C -r $TRACES/ipv6.pcap $PACKAGE LogAscii::use_json=T ServeFlow::form=ServeFlow::FIELDS ServeFlow::sensor=dmz-1
# @TEST-EXEC: btest-diff serveflow.log
