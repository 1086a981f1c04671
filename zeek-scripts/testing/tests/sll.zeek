# @TEST-DOC: Linux cooked capture.
#
# @TEST-EXEC: zeek -C -r $ODD/sll.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
