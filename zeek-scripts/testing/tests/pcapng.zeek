# @TEST-DOC: A pcapng file with two interfaces.
#
# @TEST-EXEC: zeek -C -r $ODD/pcapng-two-interfaces.pcapng $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
