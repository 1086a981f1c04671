# @TEST-DOC: BSD loopback.
#
# @TEST-EXEC: zeek -C -r $TRACES/loopback.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
