package offset

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/internal/delivery"
)

// hold pins these offsets and advances to next.
func hold(f *InFlight, next int64, offsets ...int64) (taken []delivery.Acker) {
	for _, offset := range offsets {
		taken = append(taken, f.Pin(offset))
	}
	f.Advance(next)
	return taken
}

func TestCheckpointListsWhatIsNeeded(t *testing.T) {
	f := NewInFlight(0)
	taken := hold(f, 50, 10, 20, 21, 40)
	taken[2].Ack()
	at := f.Checkpoint()
	if reach, needed := at.needs(); at.Low != 10 || reach != 50 || !slices.Equal(needed, []int64{10, 20, 40}) {
		t.Errorf("low %d, %v are needed below %d", at.Low, needed, reach)
	}
	resumed := NewInFlight(0)
	resumed.Resume(at)
	var needed []int64
	for offset := at.Low; offset < 52; offset++ {
		resumed.Advance(offset)
		if resumed.Needs(offset) {
			needed = append(needed, offset)
		}
	}
	if !slices.Equal(needed, []int64{10, 20, 40, 50, 51}) {
		t.Errorf("%v are read again", needed)
	}
}

// A partition that is lost again before it has come as far as its last reader
// hands on what it was told.
func TestCheckpointOfAPartitionThatTookNothing(t *testing.T) {
	f := NewInFlight(0)
	hold(f, 50, 10, 20, 40)
	resumed := NewInFlight(0)
	resumed.Resume(f.Checkpoint())
	if again := resumed.Checkpoint(); again != f.Checkpoint() {
		t.Errorf("%+v is handed on, %+v was there", again, f.Checkpoint())
	}
	if !resumed.Needs(10) {
		t.Fatal("10 is needed")
	}
	resumed.Pin(10).Ack()
	resumed.Advance(11)
	if resumed.Needs(11) {
		t.Error("11 is not needed")
	}
	if reach, needed := resumed.Checkpoint().needs(); reach != 50 || !slices.Equal(needed, []int64{20, 40}) {
		t.Errorf("%v are needed below %d", needed, reach)
	}
}

// Metadata fits into what Kafka takes, and says no more than it holds.
func TestCheckpointOfVeryManyOpenFlows(t *testing.T) {
	f := NewInFlight(0)
	var all []int64
	for offset := int64(1); offset < 1e7; offset += 300 {
		all = append(all, offset)
	}
	hold(f, 1e7, all...)
	at := f.Checkpoint()
	if len(at.Metadata) > 4096 {
		t.Errorf("metadata of %d bytes", len(at.Metadata))
	}
	reach, needed := at.needs()
	if len(needed) < 1000 || !slices.Equal(needed, all[:len(needed)]) || reach != all[len(needed)] {
		t.Errorf("%d are needed below %d", len(needed), reach)
	}
}

// Offsets that need a byte each: as many are listed as fit, with room for two varints.
func TestListedOffsets(t *testing.T) {
	f := NewInFlight(0)
	for offset := range int64(5000) {
		f.Pin(offset)
		f.Advance(offset + 1)
	}
	const listed = metadataBytes - 2*10 + 1 // the last one takes less than its room
	if reach, needed := f.Checkpoint().needs(); len(needed) != listed || reach != listed {
		t.Errorf("%d are needed below %d, want %d", len(needed), reach, listed)
	}
}

// Where everything is finished, the offset says it all.
func TestCheckpointWithoutMetadata(t *testing.T) {
	f := NewInFlight(0)
	f.Advance(7)
	if at := f.Checkpoint(); at != (Checkpoint{Low: 7}) {
		t.Errorf("%+v", at)
	}
}

// pack is metadata of ours.
func pack(varints ...uint64) string {
	var list []byte
	for _, v := range varints {
		list = binary.AppendUvarint(list, v)
	}
	return metadataForm + base64.RawStdEncoding.EncodeToString(list)
}

func TestLargestOffset(t *testing.T) {
	const low = 7
	if reach, needed := (Checkpoint{low, pack(math.MaxInt64-low, 0)}).needs(); reach != math.MaxInt64 || !slices.Equal(needed, []int64{low}) {
		t.Errorf("%v are needed below %d", needed, reach)
	}
	if reach, needed := (Checkpoint{low, pack(math.MaxInt64-low+1, 0)}).needs(); reach != low || len(needed) != 0 {
		t.Errorf("beyond the largest offset: %v are needed below %d", needed, reach)
	}
}

func TestMetadataThatIsNotOurs(t *testing.T) {
	ours := pack(50, 3)
	for _, metadata := range []string{"", "by hand", strings.TrimPrefix(ours, metadataForm), ours + "?",
		metadataForm, metadataForm + "?", metadataForm + "gA", metadataForm + strings.Repeat("/", 20)} {
		if reach, needed := (Checkpoint{7, metadata}).needs(); reach != 7 || len(needed) != 0 {
			t.Errorf("%q: %v are needed below %d", metadata, needed, reach)
		}
	}
}

func FuzzCheckpoint(f *testing.F) {
	held := NewInFlight(0)
	hold(held, 50, 10, 20, 40)
	f.Add(int64(10), held.Checkpoint().Metadata)
	f.Add(int64(10), metadataForm+"gA")
	f.Fuzz(func(t *testing.T, low int64, metadata string) {
		low = max(0, low)
		reach, needed := Checkpoint{low, metadata}.needs()
		if reach < low || !slices.IsSorted(needed) || len(needed) > 0 && needed[0] < low {
			t.Errorf("low %d, reach %d, %v", low, reach, needed)
		}
		resumed := NewInFlight(0)
		resumed.Resume(Checkpoint{low, metadata})
		if again, all := resumed.Checkpoint().needs(); len(metadata) <= 4096 && len(all) == len(needed) && again < reach {
			t.Errorf("reach %d became %d", reach, again)
		}
	})
}
