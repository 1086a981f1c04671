package zeek

import (
	"cmp"
	"fmt"
)

// Limits bound what the decoder reads of one record. It refuses a record at the first
// byte beyond them.
type Limits struct {
	Record  int // bytes of a record with its envelopes
	Nesting int // how deep objects and arrays may be nested
	Keys    int // of all its objects together; those of an envelope are counted separately
	String  int // bytes of one string or key, with its escapes
}

// OrDefault replaces each 0 by a default, far beyond what Zeek writes.
func (l Limits) OrDefault() Limits {
	return Limits{
		Record:  cmp.Or(l.Record, MaxRecord),
		Nesting: cmp.Or(l.Nesting, MaxDepth),
		Keys:    cmp.Or(l.Keys, MaxKeys),
		String:  cmp.Or(l.String, MaxString),
	}
}

// Validate names the first limit that makes no sense.
func (l Limits) Validate() error {
	l = l.OrDefault()
	for _, f := range []struct {
		name         string
		is, low, top int
	}{
		// The lowest values are what the Zeek package's records and the usual envelopes need.
		{"SERVEFLOW_MAX_RECORD_BYTES", l.Record, 4 << 10, 16 << 20},
		{"SERVEFLOW_MAX_NESTING", l.Nesting, 4, 1000},
		{"SERVEFLOW_MAX_KEYS", l.Keys, 64, 1 << 20},
		{"SERVEFLOW_MAX_STRING_BYTES", l.String, 4 << 10, 16 << 20},
	} {
		if f.is < f.low || f.is > f.top {
			return fmt.Errorf("%s is %d: choose %d to %d", f.name, f.is, f.low, f.top)
		}
	}
	return nil
}
