# @TEST-DOC: A flow between two ports of one address.
#
# @TEST-EXEC: zeek -C -r $TRACES/one-host.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
