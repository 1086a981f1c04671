# @TEST-DOC: A tunnel: the header is the inner packet's.
#
# @TEST-EXEC: zeek -C -r $TRACES/gre.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
