// Package throughput is the throughput bench. It labels records of a real Kafka topic to another one by
// serveflow, by its slow stage alone, and by services in Python and Java that give the same labels.
package throughput
