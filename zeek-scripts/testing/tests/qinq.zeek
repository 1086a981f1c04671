# @TEST-DOC: Two VLAN tags.
#
# @TEST-EXEC: zeek -C -r $ODD/qinq.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
