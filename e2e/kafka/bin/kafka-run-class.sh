#!/bin/bash
# Runs a class of Kafka's, with those variables and that log folder that the
# real script has. As there, options are split at their blanks. A tool is up
# sooner with the classes' archive and without the second compiler.
logs=${LOG_DIR:-/opt/kafka/logs}
if [ -n "${KAFKA_LOG4J_OPTS-}" ]; then
  mkdir -p "$logs"
else
  KAFKA_LOG4J_OPTS=-Dlog4j2.configurationFile=/opt/kafka/config/tools-log4j2.yaml
fi
# shellcheck disable=SC2086
exec java ${KAFKA_HEAP_OPTS:--Xmx256M} \
  ${KAFKA_JVM_PERFORMANCE_OPTS:--XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:SharedArchiveFile=/opt/kafka/tools.jsa} ${KAFKA_GC_LOG_OPTS-} \
  ${KAFKA_JMX_OPTS-} -Dkafka.logs.dir="$logs" $KAFKA_LOG4J_OPTS -cp '/opt/kafka/libs/*' ${KAFKA_OPTS-} "$@"
