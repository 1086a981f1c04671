# @TEST-DOC: UDP, with a service that Zeek recognises.
#
# @TEST-EXEC: zeek -C -r $TRACES/dns.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
