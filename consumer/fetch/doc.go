// Package fetch turns the bytes of Kafka's Fetch responses into records.
//
// A batch is decompressed as a stream, through a window of about one record, so it does
// not matter how large a batch becomes. What cannot be read is returned in its place, with
// its bytes and the reason, and reading goes on after it.
//
// It is pure: a reader of bytes, no Kafka, no clock.
package fetch
