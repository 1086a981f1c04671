package consumer

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strings"
)

// place is where a partition is gone on with after a rebalance or a restart: what
// is committed for it.
type place struct {
	low int64 // the low watermark, committed as the offset
	// note, the offset's metadata, says which records above low are needed: one flow
	// that stays open would otherwise have all that finished above it labelled again.
	note string
}

const (
	// noteForm begins a note of ours. Behind it, in base64, are varints: how far above
	// low the note reaches, then the distance from one needed offset to the next.
	noteForm = "needed/1 "
	// noteBytes bounds a note's varints, so that it fits into the 4096 bytes that
	// brokers take (offset.metadata.max.bytes).
	noteBytes = 3000
)

// place lists the offsets that are needed. Where they are too many the note reaches
// no further than those that it holds: what is above is taken for needed.
func (p *pins) place() place {
	at := place{low: p.low()}
	reach, from := max(p.next, p.reach), at.low
	var list []byte
	p.each(func(offset int64) bool {
		if len(list) > noteBytes-2*binary.MaxVarintLen64 {
			reach = offset
			return false
		}
		list = binary.AppendUvarint(list, uint64(offset-from))
		from = offset
		return true
	})
	if reach > at.low {
		head := binary.AppendUvarint(nil, uint64(reach-at.low))
		at.note = noteForm + base64.RawStdEncoding.EncodeToString(append(head, list...))
	}
	return at
}

// resume stands at a place that was committed.
func (p *pins) resume(at place) {
	p.next = at.low
	p.reach, p.ahead = at.needs()
}

// needs reads the note: offsets below reach that are not among needed are done
// with. A note that is not ours says nothing.
func (at place) needs() (reach int64, needed []int64) {
	text, ours := strings.CutPrefix(at.note, noteForm)
	list, err := base64.RawStdEncoding.DecodeString(text)
	if !ours || err != nil {
		return at.low, nil
	}
	var all []int64 // reach, then the offsets
	for from := at.low; len(list) > 0; {
		distance, n := binary.Uvarint(list)
		if n <= 0 || distance > math.MaxInt64-uint64(from) {
			return at.low, nil
		}
		all, list = append(all, from+int64(distance)), list[n:]
		if len(all) > 1 {
			from = all[len(all)-1]
		}
	}
	if len(all) == 0 {
		return at.low, nil
	}
	return all[0], all[1:]
}
