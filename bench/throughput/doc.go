// Package throughput is the throughput bench. It labels records of a real Kafka topic to another one by
// serveflow, by its slow stage alone, and by a service in Python that gives the same labels.
package throughput
