// Package faults is the fault bench: what serveflow does when processes are killed,
// brokers fail and input is hostile, seen from outside by a producer that knows
// what it sent and a verifier that reads every topic back. `make faults` runs it.
package faults
