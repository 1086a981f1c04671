# @TEST-DOC: IPv4 options belong to the header bytes.
#
# @TEST-EXEC: zeek -C -r $TRACES/ip-options.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
