package zeek

import "errors"

// Reasons why a record is refused. There are no others, so metrics can use them as label
// values.
const (
	BadSyntax    = "syntax"        // not one JSON object
	TooDeep      = "too_deep"      // nested deeper than its limit
	TooManyKeys  = "too_many_keys" // more keys than its limit
	TooLong      = "too_long"      // the record, or a string in it, is longer than its limit
	FieldMissing = "field_missing" // a field is absent that every record of this kind has
	FieldType    = "field_type"    // a field holds another JSON type, or text that does not parse
	FieldRange   = "field_range"   // a field's number is out of range
)

// Reasons lists every Reason that an Error can have.
func Reasons() []string {
	return []string{BadSyntax, TooDeep, TooManyKeys, TooLong, FieldMissing, FieldType, FieldRange}
}

// Error says why a record was refused.
type Error struct {
	Reason string // one of Reasons
	Field  string // the field at fault; empty if it is the whole record
	Detail string // what was expected
}

// Error returns one line that names the field and says what was expected.
func (e *Error) Error() string {
	if e.Field == "" {
		return "zeek record: " + e.Reason + ": " + e.Detail
	}
	return "zeek record: " + e.Reason + ": " + e.Field + ": " + e.Detail
}

// ReasonOf returns the Reason of an Error, for metrics and dead letters; "unknown" if err
// is not an *Error.
func ReasonOf(err error) string {
	var bad *Error
	if errors.As(err, &bad) {
		return bad.Reason
	}
	return "unknown"
}
