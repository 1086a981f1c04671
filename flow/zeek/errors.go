package zeek

import "errors"

// Reasons why a record is refused. The set is closed, so that metrics and dead
// letters can carry them as labels.
const (
	BadSyntax    = "syntax"        // not one JSON object
	TooDeep      = "too_deep"      // nested deeper than its limit
	TooManyKeys  = "too_many_keys" // more keys than its limit
	TooLong      = "too_long"      // the record, or a string in it, is longer than its cap
	FieldMissing = "field_missing" // a field that every record of this kind has is not there
	FieldType    = "field_type"    // a field holds another JSON type, or text that does not parse
	FieldRange   = "field_range"   // a field's number is outside what it can be
)

// Reasons lists every Reason that an Error can have.
func Reasons() []string {
	return []string{BadSyntax, TooDeep, TooManyKeys, TooLong, FieldMissing, FieldType, FieldRange}
}

// Error says why a record was refused.
type Error struct {
	Reason string // one of Reasons
	Field  string // the field at fault; empty where the whole record is
	Detail string // what was expected
}

// Error gives one line that names the field and what was expected of it.
func (e *Error) Error() string {
	if e.Field == "" {
		return "zeek record: " + e.Reason + ": " + e.Detail
	}
	return "zeek record: " + e.Reason + ": " + e.Field + ": " + e.Detail
}

// ReasonOf gives the Reason of an Error, for counting and for dead letters;
// "unknown" where err is none.
func ReasonOf(err error) string {
	var bad *Error
	if errors.As(err, &bad) {
		return bad.Reason
	}
	return "unknown"
}
