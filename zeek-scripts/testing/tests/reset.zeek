# @TEST-DOC: A flow that ends with a RST.
#
# @TEST-EXEC: zeek -C -r $ODD/reset.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
