package consumer

import (
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/flow"
)

// hold takes pins at these offsets and goes on to next.
func (p *pins) hold(next int64, offsets ...int64) (taken []flow.Acker) {
	for _, offset := range offsets {
		p.next = offset + 1
		taken = append(taken, p.take())
	}
	p.next = next
	return taken
}

func TestPlaceListsWhatIsNeeded(t *testing.T) {
	p := &pins{}
	taken := p.hold(50, 10, 20, 21, 40)
	taken[2].Ack()
	at := p.place()
	if reach, needed := at.needs(); at.low != 10 || reach != 50 || !slices.Equal(needed, []int64{10, 20, 40}) {
		t.Errorf("low %d, %v are needed below %d", at.low, needed, reach)
	}
	resumed := &pins{}
	resumed.resume(at)
	var needed []int64
	for offset := at.low; offset < 52; offset++ {
		if resumed.next = offset + 1; resumed.needed(offset) {
			needed = append(needed, offset)
		}
	}
	if !slices.Equal(needed, []int64{10, 20, 40, 50, 51}) {
		t.Errorf("%v are read again", needed)
	}
}

// A partition that is lost again before it has come as far as its last reader
// hands on what it was told.
func TestPlaceOfAPartitionResumedInVain(t *testing.T) {
	p := &pins{}
	p.hold(50, 10, 20, 40)
	resumed := &pins{}
	resumed.resume(p.place())
	if again := resumed.place(); again != p.place() {
		t.Errorf("%+v is handed on, %+v was there", again, p.place())
	}
	if resumed.next = 11; !resumed.needed(10) {
		t.Fatal("10 is needed")
	}
	resumed.take().Ack()
	if resumed.next = 12; resumed.needed(11) {
		t.Error("11 is not needed")
	}
	if reach, needed := resumed.place().needs(); reach != 50 || !slices.Equal(needed, []int64{20, 40}) {
		t.Errorf("%v are needed below %d", needed, reach)
	}
}

// A note fits into what Kafka takes, and says no more than it holds.
func TestPlaceOfVeryManyOpenFlows(t *testing.T) {
	p := &pins{}
	var all []int64
	for offset := int64(1); offset < 1e7; offset += 300 {
		all = append(all, offset)
	}
	p.hold(1e7, all...)
	at := p.place()
	if len(at.note) > 4096 {
		t.Errorf("a note of %d bytes", len(at.note))
	}
	reach, needed := at.needs()
	if len(needed) < 1000 || !slices.Equal(needed, all[:len(needed)]) || reach != all[len(needed)] {
		t.Errorf("%d are needed below %d", len(needed), reach)
	}
}

func TestNoteThatIsNotOurs(t *testing.T) {
	for _, note := range []string{"", "by hand", noteForm, noteForm + "?", noteForm + "gA", noteForm + strings.Repeat("/", 20)} {
		if reach, needed := (place{7, note}).needs(); reach != 7 || len(needed) != 0 {
			t.Errorf("%q: %v are needed below %d", note, needed, reach)
		}
	}
}

func FuzzNote(f *testing.F) {
	p := &pins{}
	p.hold(50, 10, 20, 40)
	f.Add(int64(10), p.place().note)
	f.Add(int64(10), noteForm+"gA")
	f.Fuzz(func(t *testing.T, low int64, note string) {
		low = max(0, low)
		reach, needed := place{low, note}.needs()
		if reach < low || !slices.IsSorted(needed) || len(needed) > 0 && needed[0] < low {
			t.Errorf("low %d, reach %d, %v", low, reach, needed)
		}
		resumed := &pins{}
		resumed.resume(place{low, note})
		if again, all := resumed.place().needs(); len(note) <= 4096 && len(all) == len(needed) && again < reach {
			t.Errorf("reach %d became %d", reach, again)
		}
	})
}

func TestDeletedRecordsThatWereNotNeededAreNotLost(t *testing.T) {
	m := NewMetrics(prometheus.NewRegistry())
	p := &partition{Consumer: New(Config{Topic: "in"}, nil, nil, m, quiet()), log: quiet()}
	held := &pins{}
	held.hold(50, 10, 20, 40)
	p.pins.resume(held.place())
	p.tail.next = p.pins.next
	if err := p.within(30, 100); err == nil || !strings.Contains(err.Error(), "2 of in/0") {
		t.Errorf("two that were needed are deleted: %v", err)
	}
	p.cfg.SkipTruncated = true
	if err := p.within(60, 100); err != nil || p.tail.next != 60 || p.pins.place().low != 60 {
		t.Errorf("told to go on: %v, at %+v", err, p.pins.place())
	}
}
