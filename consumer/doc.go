// Package consumer is one member of a consumer group at work. It puts together what its
// rooms do: group joins, partition reads, offset keeps what is committed, and the
// records go to an assembler, which rebuilds flows and has them decided, or to a
// rekeyer, which hands them on keyed by uid for producers that do not key.
//
// Each partition of a generation has a goroutine of its own; one more commits.
package consumer
