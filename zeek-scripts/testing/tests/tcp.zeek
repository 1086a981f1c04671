# @TEST-DOC: A TCP flow from SYN to FIN: ten packets and their end.
#
# @TEST-EXEC: zeek -C -r $TRACES/tcp.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
