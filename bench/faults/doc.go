// Package faults is the fault bench. It runs serveflow while processes are killed, brokers
// fail and input is hostile. A producer knows what it has sent, and a verifier reads every
// topic and compares. `make faults` runs it.
package faults
