# @TEST-DOC: A VLAN tag.
#
# @TEST-EXEC: zeek -C -r $ODD/vlan.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
