# @TEST-DOC: Fragments: one record a datagram, with what its last fragment shows.
#
# @TEST-EXEC: zeek -C -r $ODD/fragments.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
