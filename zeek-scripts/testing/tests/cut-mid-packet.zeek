# @TEST-DOC: A capture file that breaks off: what came before is there.
#
# @TEST-EXEC: zeek -C -r $ODD/cut-mid-packet.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
