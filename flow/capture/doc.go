// Package capture turns packet captures into the records that the Zeek package writes. So
// one can train and test without Zeek.
//
// It follows Zeek in everything that decides what a flow is: the timeouts, the state
// machine of TCP, and who the originator is. It ignores checksums, as zeek -C does. Time
// is the time of the packets.
//
// It writes ip_len, plen, ttl, flags and win even if the capture cut the payload, since
// the headers have them; Zeek does not. Unlike Zeek, it does not open tunnels over UDP
// (VXLAN, Geneve, Teredo, GTP), and never reads payload: it recognises no protocol by it,
// and so no protocol changes a timeout.
package capture
