// Package latency is the latency bench. It replays the busiest minute of real traffic through a real Kafka, and tells
// when a reader has the labels of the cascade and of its stages alone. `make bench-latency` runs it.
package latency
