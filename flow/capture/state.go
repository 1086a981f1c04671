package capture

import (
	"bytes"

	"github.com/serveflow/serveflow/flow/zeek"
)

// state is the conn_state of conn.log.
func (c *conn) state() string {
	switch c.key.proto {
	case zeek.TCP:
		return c.tcp.state(c.history)
	case zeek.UDP:
		switch orig, resp := c.orig.payload >= 0, c.resp.payload >= 0; {
		case orig && resp:
			return "SF"
		case orig:
			return "S0"
		case resp:
			return "SHR"
		}
	}
	return "OTH"
}

// state is the conn_state of a TCP connection.
func (t *tcp) state(history []byte) string {
	o, r := t.orig, t.resp
	origSilent := o.phase == inactive || o.phase == partial
	respSilent := r.phase == inactive || r.phase == partial
	switch {
	case r.phase == reset:
		refused := o.phase == reset && o.size(r) == 0 && r.size(o) == 0
		if o.phase == synSent || o.phase == synAckSent || refused {
			return "REJ"
		}
		return pick(origSilent, "RSTRH", "RSTR")
	case o.phase == reset && respSilent:
		return pick(synThenReset(history), "RSTOS0", "OTH")
	case o.phase == reset:
		return "RSTO"
	case r.phase == finished && o.phase == finished:
		return "SF"
	case o.phase == finished:
		return pick(respSilent, "SH", "S2")
	case r.phase == finished:
		return pick(origSilent, "SHR", "S3")
	case o.phase == synSent && r.phase == inactive:
		return "S0"
	case o.phase == established && r.phase == established:
		return "S1"
	}
	return "OTH"
}

func pick(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}

// synThenReset reports whether the originator sent a SYN and a RST, with nothing relevant
// between them: ^?S[^HAFGIQ]*R.
func synThenReset(history []byte) bool {
	rest, ok := bytes.CutPrefix(bytes.TrimPrefix(history, []byte("^")), []byte("S"))
	reset := bytes.IndexByte(rest, 'R')
	return ok && reset >= 0 && !bytes.ContainsAny(rest[:reset], "HAFGIQ")
}
