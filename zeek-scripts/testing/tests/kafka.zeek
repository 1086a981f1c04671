# @TEST-DOC: Without the zeek-kafka plugin Zeek does not start with kafka.zeek, and says why.
#
# @TEST-EXEC-FAIL: zeek -C -r $TRACES/tcp.pcap $PACKAGE $PACKAGE/kafka.zeek 2>err
# @TEST-EXEC: grep -q "zeek-kafka plugin is not there" err
