package fetch

import "fmt"

// Reasons why something in a partition's log cannot be read. There are no others, so
// metrics and dead letters can have them as labels.
const (
	TooLong       = "too_long"        // a record's value is longer than Limits.Value
	Tombstone     = "tombstone"       // a record has no value
	BadCRC        = "crc"             // a batch's checksum is wrong
	BadFormat     = "format"          // a batch has another message format than 2
	Compression   = "compression"     // a batch's codec is unknown, or its compressed bytes are damaged
	Malformed     = "batch"           // a batch's records do not agree with its header
	BatchTooLarge = "batch_too_large" // a batch is too large, compressed or unpacked
)

// Reasons lists every Reason that an Error can have.
func Reasons() []string {
	return []string{TooLong, Tombstone, BadCRC, BadFormat, Compression, Malformed, BatchTooLarge}
}

// Error says why a record, or the remainder of a batch, cannot be read.
type Error struct {
	Reason string // one of Reasons
	Detail string
}

// Error gives one line.
func (e *Error) Error() string { return "kafka log: " + e.Reason + ": " + e.Detail }

func newError(reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}
