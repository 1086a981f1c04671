# @TEST-DOC: IPv6 extension headers belong to the header bytes.
#
# @TEST-EXEC: zeek -C -r $ODD/ipv6-extensions.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
