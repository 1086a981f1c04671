// Package capture turns packet captures into the records that the Zeek package writes. So
// one can train and test without Zeek.
//
// It follows Zeek in everything that decides what a flow is: the layers that are opened,
// the timeouts, the state machine of TCP, and who the originator is. It ignores checksums,
// as zeek -C does. Time is the time of the packets.
//
// It writes ip_len, plen, ttl, flags and win even if the capture cut the payload, since
// the headers have them; Zeek does not. It recognises two tunnels by their payload, and
// otherwise never reads payload: no protocol changes a timeout.
//
// docs/captures.md has the file formats, the layers and the tunnels, Zeek's and ours side
// by side.
package capture
