# @TEST-DOC: A VLAN tag on the packets of one direction only.
#
# @TEST-EXEC: zeek -C -r $TRACES/one-way-vlan.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
