# @TEST-DOC: A capture with nanoseconds.
#
# @TEST-EXEC: zeek -C -r $ODD/nanoseconds.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
