# @TEST-DOC: A capture that keeps 60 bytes of each frame.
#
# @TEST-EXEC: zeek -C -r $TRACES/cut.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
