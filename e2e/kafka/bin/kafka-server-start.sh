#!/bin/bash
# As the real one: a heap of 1 GB and a log of the garbage collector, if nothing
# else is set. A JVM that cannot write that log does not start.
export KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS:--Xmx1G -Xms1G}
export KAFKA_LOG4J_OPTS=${KAFKA_LOG4J_OPTS:--Dlog4j2.configurationFile=/opt/kafka/config/log4j2.yaml}
export KAFKA_JVM_PERFORMANCE_OPTS=${KAFKA_JVM_PERFORMANCE_OPTS:--XX:+UseG1GC -XX:SharedArchiveFile=/opt/kafka/kafka.jsa}
export KAFKA_GC_LOG_OPTS=${KAFKA_GC_LOG_OPTS:--Xlog:gc*:file=${LOG_DIR:-/opt/kafka/logs}/kafkaServer-gc.log:time,tags:filecount=10,filesize=100M}
exec /opt/kafka/bin/kafka-run-class.sh kafka.Kafka "$@"
