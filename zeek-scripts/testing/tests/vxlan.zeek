# @TEST-DOC: VXLAN: the outer flow and the inner one.
#
# @TEST-EXEC: zeek -C -r $TRACES/vxlan.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
