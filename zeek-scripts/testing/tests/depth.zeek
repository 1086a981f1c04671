# @TEST-DOC: A smaller depth: three records, the end counts three.
#
# @TEST-EXEC: zeek -C -r $TRACES/long.pcap $PACKAGE LogAscii::use_json=T ServeFlow::depth=3
# @TEST-EXEC: btest-diff serveflow.log
