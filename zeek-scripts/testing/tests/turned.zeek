# @TEST-DOC: A flow that Zeek turns round at its second packet: each record says what held then, and is_orig goes with it.
#
# @TEST-EXEC: zeek -C -r $TRACES/turned.pcap $PACKAGE LogAscii::use_json=T
# @TEST-EXEC: btest-diff serveflow.log
