package fetch

import "fmt"

// Reasons why something in a partition's log cannot be taken. The set is closed,
// so that metrics and dead letters can carry them as labels.
const (
	TooLong       = "too_long"        // a record's value is longer than the cap
	Tombstone     = "tombstone"       // a record has no value at all
	BadCRC        = "crc"             // a batch's bytes are not those that were written
	BadFormat     = "format"          // a batch is of a message format before 2, or of one to come
	Compression   = "compression"     // a batch's codec is unknown, or what it packed is damaged
	Malformed     = "batch"           // a batch's records do not lie where its header says
	BatchTooLarge = "batch_too_large" // a batch is larger than its cap, packed or unpacked
)

// Reasons lists every Reason that an Error can have.
func Reasons() []string {
	return []string{TooLong, Tombstone, BadCRC, BadFormat, Compression, Malformed, BatchTooLarge}
}

// Error says why a record, or what is left of a batch, cannot be taken.
type Error struct {
	Reason string // one of Reasons
	Detail string
}

// Error gives one line.
func (e *Error) Error() string { return "kafka log: " + e.Reason + ": " + e.Detail }

func refuse(reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}
