package zeek

import (
	"cmp"
	"fmt"
)

// Limits hold whatever a record says. What is beyond them is refused at the first
// byte too many.
type Limits struct {
	Record  int // bytes of a record with all that lies around it
	Nesting int // how deep objects and arrays may lie in others
	Keys    int // of all its objects together; an envelope's are counted by themselves
	String  int // bytes of one string or key as it is written, escapes and all
}

// OrDefault fills in what is 0 with limits far beyond what Zeek writes.
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
		// The least that the package's own records, and their usual envelopes, need.
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
