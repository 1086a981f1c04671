package offset

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strings"
)

// Checkpoint is where a partition is resumed after a rebalance or a restart: what is
// committed for it.
type Checkpoint struct {
	Low int64 // the low watermark, committed as the offset; -1: nothing is committed
	// Metadata is committed with the offset and says which records above Low are
	// needed. Without it, one flow that stays open would have every flow that finished
	// above it labelled again.
	Metadata string
}

const (
	// metadataForm begins metadata of ours. Behind it, in base64, are varints: how far
	// above Low it reaches, then the distance from one needed offset to the next.
	metadataForm = "needed/1 "
	// metadataBytes bounds the varints, so that the metadata with the stamp of Writers fits
	// into the 4096 bytes that brokers take (offset.metadata.max.bytes).
	metadataBytes = 2600
)

// Checkpoint lists the offsets that are needed. Where there are too many, the metadata
// reaches only as far as the listed ones: every record above it counts as needed.
func (f *InFlight) Checkpoint() Checkpoint {
	at := Checkpoint{Low: f.Low()}
	reach, from := max(f.next, f.reach), at.Low
	var list []byte
	f.each(func(offset int64) bool {
		if len(list) > metadataBytes-2*binary.MaxVarintLen64 {
			reach = offset
			return false
		}
		list = binary.AppendUvarint(list, uint64(offset-from))
		from = offset
		return true
	})
	if reach > at.Low {
		head := binary.AppendUvarint(nil, uint64(reach-at.Low))
		at.Metadata = metadataForm + base64.RawStdEncoding.EncodeToString(append(head, list...))
	}
	return at
}

// Resume begins at a checkpoint.
func (f *InFlight) Resume(at Checkpoint) {
	f.next = at.Low
	f.reach, f.needed = at.needs()
}

// needs reads the metadata: offsets below reach that are not among needed are
// finished. Metadata that is not ours says nothing.
func (at Checkpoint) needs() (reach int64, needed []int64) {
	text, ours := strings.CutPrefix(at.Metadata, metadataForm)
	text, _, _ = strings.Cut(text, writersForm)
	list, err := base64.RawStdEncoding.DecodeString(text)
	if !ours || err != nil {
		return at.Low, nil
	}
	var all []int64 // reach, then the offsets
	for from := at.Low; len(list) > 0; {
		distance, n := binary.Uvarint(list)
		if n <= 0 || distance > math.MaxInt64-uint64(from) {
			return at.Low, nil
		}
		all, list = append(all, from+int64(distance)), list[n:]
		if len(all) > 1 {
			from = all[len(all)-1]
		}
	}
	if len(all) == 0 {
		return at.Low, nil
	}
	return all[0], all[1:]
}
