# @TEST-DOC: Linux cooked capture, version 2.
#
# @TEST-EXEC: zeek -C -r $ODD/sll2.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
