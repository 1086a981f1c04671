package capture

import (
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"net/netip"
	"slices"
)

// IDs makes the uids of flows. The zero value is ready for use. Conversions that share one
// never give a uid twice, whatever their captures have in common.
//
// A uid is a hash of the flow's first packet and its time. So the same capture has the same
// uids each time, and two captures have different ones. Where another flow may have begun
// with the same packet, since its time is not later than all before, the hash takes in how
// many flows have begun.
type IDs struct {
	flows  uint64
	latest int64 // the latest time at which a flow began
	then   []id  // the uids of the flows that began at that time
}

// id is a uid before it is text.
type id [12]byte

// maxThen bounds how many uids of one time are remembered. Beyond it, the count of flows
// makes the difference.
const maxThen = 256

// next makes the uid of the next flow.
func (i *IDs) next(key connKey, p *packet, t transport) []byte {
	i.flows++
	one := i.hash(key, p, t, nil)
	if p.ts > i.latest {
		i.latest, i.then = p.ts, i.then[:0]
	}
	if p.ts < i.latest || len(i.then) >= maxThen || slices.Contains(i.then, one) {
		one = i.hash(key, p, t, binary.BigEndian.AppendUint64(nil, i.flows))
	} else {
		i.then = append(i.then, one)
	}
	return []byte("C" + new(big.Int).SetBytes(one[:]).Text(62))
}

// hash is the uid of a flow that begins with this packet.
func (i *IDs) hash(key connKey, p *packet, t transport, count []byte) id {
	h := sha256.New()
	for _, side := range []netip.AddrPort{key.a, key.b} {
		addr, _ := side.MarshalBinary() // an AddrPort always marshals
		h.Write(addr)
	}
	h.Write([]byte{key.proto})
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(p.ts)))
	h.Write(p.header)
	h.Write(p.body[:min(len(p.body), t.headerLen)]) // the same ports may be used twice within a microsecond
	h.Write(count)
	return id(h.Sum(nil)[:12])
}
