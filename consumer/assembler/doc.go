// Package assembler turns the records of one partition, or of one file, into decided flows.
//
// It decodes each record, puts it into the flow table, and asks a Decider about the flows
// that are ready or whose time is over.
package assembler
