package flow

import "github.com/serveflow/serveflow/flow/zeek"

// tearsDown reports whether p ends the flow: it is a reset, or the FIN of the second
// side.
func (f *Flow) tearsDown(p *Packet) bool {
	if f.Proto != zeek.TCP {
		return false
	}
	const fin, rst = 1, 4
	flags := f.tcpFlags(p)
	if flags&fin != 0 && p.FromOrig {
		f.state.finOrig = true
	} else if flags&fin != 0 {
		f.state.finResp = true
	}
	return flags&rst != 0 || f.state.finOrig && f.state.finResp
}

// tcpFlags returns the packet's TCP flags, from the record's own field or else from
// the header bytes; 0 if neither is there. It reads an IPv6 header only if TCP follows
// directly, without extension headers.
func (f *Flow) tcpFlags(p *Packet) int {
	if p.Flags != zeek.Absent {
		return int(p.Flags)
	}
	hdr := f.Header(p)
	const flagsByte = 13 // of the TCP header
	at := 40 + flagsByte
	if len(hdr) > 0 && hdr[0]>>4 == 4 {
		at = int(hdr[0]&15)*4 + flagsByte
	} else if len(hdr) <= at || hdr[6] != zeek.TCP {
		return 0
	}
	if at >= len(hdr) {
		return 0
	}
	return int(hdr[at])
}
