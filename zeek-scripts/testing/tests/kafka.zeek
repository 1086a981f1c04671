# @TEST-DOC: Without the zeek-kafka plugin, kafka.zeek says so, and the file is written.
#
# @TEST-EXEC: zeek -C -r $TRACES/tcp.pcap $PACKAGE $PACKAGE/kafka LogAscii::use_json=T 2>err
# @TEST-EXEC: grep -q "zeek-kafka plugin is not there" err
# @TEST-EXEC: btest-diff serveflow.log
