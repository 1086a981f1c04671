# @TEST-DOC: MPLS labels.
#
# @TEST-EXEC: zeek -C -r $TRACES/mpls.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
