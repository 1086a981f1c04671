# @TEST-DOC: PPPoE.
#
# @TEST-EXEC: zeek -C -r $TRACES/pppoe.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
