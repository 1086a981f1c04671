package zeek

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"unsafe"
)

// fields holds the fields found in one line and converts them. It keeps the first error;
// the results of conversions after it have no meaning.
type fields struct {
	line   []byte
	values [numFields]value
	d      *Decoder
	around []byte // the log that the object's tag or an envelope names; nil if none does
	err    *Error
}

// refuse records an error, unless there is one already.
func (f *fields) refuse(reason, name, detail string) {
	if f.err == nil {
		f.err = &Error{Reason: reason, Field: name, Detail: detail}
	}
}

// require reports whether a field is there and is of one of two kinds. Otherwise it
// records an error.
func (f *fields) require(at field, name string, a, b kind, want string) bool {
	switch f.values[at].kind {
	case a, b:
		return true
	case absent:
		f.refuse(FieldMissing, name, "every record of this kind has it")
	default:
		f.refuse(FieldType, name, "not "+want)
	}
	return false
}

// bytes returns a string without its escapes.
func (f *fields) bytes(v value) []byte {
	raw := f.line[v.start:v.end]
	if v.kind != escaped {
		return raw
	}
	from := len(f.d.scratch)
	f.d.scratch = appendUnescaped(f.d.scratch, raw)
	return f.d.scratch[from:]
}

// isText reports whether a field is there and is a string.
func (f *fields) isText(at field) bool {
	k := f.values[at].kind
	return k == plain || k == escaped
}

// text reads a required string.
func (f *fields) text(at field, name string) []byte {
	if !f.require(at, name, plain, escaped, "a string") {
		return nil
	}
	return f.bytes(f.values[at])
}

// bool reads a required true or false.
func (f *fields) bool(at field, name string) bool {
	return f.require(at, name, boolTrue, boolFalse, "true or false") && f.values[at].kind == boolTrue
}

// uint reads a required whole number from lo to hi.
func (f *fields) uint(at field, name string, lo, hi uint64) uint64 {
	if !f.require(at, name, number, number, "a number") {
		return 0
	}
	v := f.values[at]
	n, ok := parseUint(f.line[v.start:v.end])
	if !ok {
		f.refuse(FieldType, name, "not a whole number of 0 or more")
	} else if n < lo || n > hi {
		f.refuse(FieldRange, name, fmt.Sprintf("not between %d and %d", lo, hi))
	}
	return n
}

// optional reads a whole number from 0 to hi; Absent if the field is absent.
func (f *fields) optional(at field, name string, hi uint64) int64 {
	if f.values[at].kind == absent {
		return Absent
	}
	return int64(f.uint(at, name, 0, hi))
}

// micros reads a required time and returns microseconds since the Unix epoch.
func (f *fields) micros(at field, name string) int64 {
	var us int64
	var ok bool
	v := f.values[at]
	switch v.kind {
	case number:
		us, ok = parseMicros(f.line[v.start:v.end])
	case plain, escaped:
		if us, ok = parseISO8601(f.bytes(v)); !ok {
			f.refuse(FieldType, name, "a text that is not ISO 8601 with a zone, as 2013-03-07T21:42:06.939084Z")
		}
		ok = ok && us >= 0 && us <= MaxTS
	default:
		f.require(at, name, number, plain, "seconds or milliseconds since the epoch, or ISO 8601")
	}
	if !ok {
		f.refuse(FieldRange, name, "before 1970, or later than the year 5138")
	}
	return us
}

// uid reads a required uid.
func (f *fields) uid(at field, name string) []byte {
	uid := f.text(at, name)
	switch {
	case len(uid) > MaxUID:
		f.refuse(TooLong, name, fmt.Sprintf("longer than %d bytes", MaxUID))
	case len(uid) == 0:
		f.refuse(FieldRange, name, "empty")
	case !printable(uid):
		f.refuse(FieldType, name, "not printable ASCII without spaces")
	}
	return uid
}

// validUID reads the uid of a record of another log. It returns nil if there is none or
// if it is invalid: such a record is skipped, not refused.
func (f *fields) validUID() []byte {
	if f.isText(fUID) {
		if uid := f.bytes(f.values[fUID]); len(uid) <= MaxUID && printable(uid) {
			return uid
		}
	}
	return nil
}

// optionalText reads a string of at most this many bytes; nil if the field is absent.
func (f *fields) optionalText(at field, name string, most int) []byte {
	if f.values[at].kind == absent {
		return nil
	}
	text := f.text(at, name)
	switch {
	case len(text) > most:
		f.refuse(TooLong, name, fmt.Sprintf("longer than %d bytes", most))
	case !readable(text):
		f.refuse(FieldType, name, "not UTF-8 without control characters")
	}
	return text
}

// endpoint reads a required address and port.
func (f *fields) endpoint(host field, hostName string, port field, portName string) netip.AddrPort {
	addr, ok := parseAddr(f.text(host, hostName))
	if !ok {
		f.refuse(FieldType, hostName, "not an IP address without a zone")
	}
	return netip.AddrPortFrom(addr, uint16(f.uint(port, portName, 0, 65535)))
}

// parseAddr reads an address without copying its text. That is safe: ParseAddr keeps the
// text only in its error and in a zone, and neither is returned.
func parseAddr(b []byte) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(unsafe.String(unsafe.SliceData(b), len(b)))
	return addr, err == nil && addr.Zone() == ""
}

// base64 reads header bytes; nil if the field is absent.
func (f *fields) base64(at field, name string) []byte {
	if f.values[at].kind == absent {
		return nil
	}
	src := f.text(at, name)
	if len(src) > base64.StdEncoding.EncodedLen(MaxHdr) {
		f.refuse(TooLong, name, fmt.Sprintf("more than %d header bytes", MaxHdr))
		return nil
	}
	n, err := base64.StdEncoding.Decode(f.d.hdr[:], src)
	if err != nil || base64.StdEncoding.EncodedLen(n) != len(src) { // Decode skips line ends
		f.refuse(FieldType, name, "not padded base64")
	}
	return f.d.hdr[:n]
}

// why reads hdr_why. An unknown word counts as Whole: it is no reason to refuse the
// record.
func (f *fields) why(at field, name string) Why {
	if f.values[at].kind == absent {
		return Whole
	}
	word := f.text(at, name)
	for w := range Why(numWhys) {
		if string(word) == w.String() {
			return w
		}
	}
	return Whole
}
