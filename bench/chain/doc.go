// Package chain is the chain bench. It measures what CPU each link between Zeek's log and the label takes for a
// flow, with the records in other forms and compressed by other codecs. `make bench-chain` runs it.
package chain
