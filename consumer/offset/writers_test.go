package offset

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var noon = time.Unix(1_700_000_000, 0)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

// stamped gives what a stamp says: the bundles, and seconds since noon.
func stamped(w *Writers, low int64) string {
	bundles, since := w.Stamp(Checkpoint{Low: low}).writers()
	return fmt.Sprint(strings.Join(bundles, ","), " ", since.Sub(noon).Seconds())
}

// A stamp names the bundles that were held since the low watermark's record was read, and a
// time before that.
func TestStampFollowsTheLowWatermark(t *testing.T) {
	w := &Writers{}
	if bundles, since := w.Resume(Checkpoint{Low: 10}, 10, at(0)); len(bundles) != 0 || since != at(0) {
		t.Errorf("resumed with %v since %v", bundles, since)
	}
	for _, c := range []struct {
		seconds   int
		low, next int64
		bundles   []string
		want      string
	}{
		{1, 10, 20, []string{"a"}, "a 0"},
		{2, 15, 30, []string{"a"}, "a 0"},
		{3, 20, 40, []string{"a", "b"}, "a,b 1"},
		{4, 35, 50, []string{"b"}, "a,b 2"},
		{5, 45, 50, []string{"b"}, "a,b 3"}, // the records from 40 on were read while a was held, or after
		{6, 50, 50, []string{"b"}, "b 4"},
		{7, 50, 50, []string{"b"}, "b 4"},   // nothing new: nothing to commit
		{70, 50, 50, []string{"b"}, "b 70"}, // but no older than needed
		{75, 50, 60, []string{"b"}, "b 70"},
		{200, 50, 60, []string{"b"}, "b 70"}, // a flow is open since
	} {
		w.Mark(c.low, c.next, c.bundles, at(c.seconds))
		if got := stamped(w, c.low); got != c.want {
			t.Errorf("at %d s, low %d: %s, want %s", c.seconds, c.low, got, c.want)
		}
	}
}

// What was written before a partition was resumed is told on until all of that is read again
// and finished, whoever resumes meanwhile.
func TestStampIsHandedOn(t *testing.T) {
	w := &Writers{}
	w.Resume(Checkpoint{Low: 10}, 10, at(0))
	w.Mark(10, 100, []string{"a"}, at(50))
	for range 2 {
		again := &Writers{}
		if bundles, since := again.Resume(w.Stamp(Checkpoint{Low: 10}), 100, at(60)); !slices.Contains(bundles, "a") || since != at(0) {
			t.Errorf("resumed with %v since %v", bundles, since)
		}
		again.Mark(10, 40, []string{"b"}, at(61))
		again.Mark(40, 99, []string{"b"}, at(62))
		if got := stamped(again, 40); got != "a,b 0" {
			t.Errorf("while it is read again: %s", got)
		}
		w = again
	}
	w.Mark(99, 100, []string{"b"}, at(63))
	w.Mark(99, 120, []string{"b"}, at(64))
	if got := stamped(w, 99); got != "a,b 0" {
		t.Errorf("while one of them is open: %s", got)
	}
	if got := stamped(w, 100); got != "b 63" {
		t.Errorf("when all are finished: %s", got)
	}
}

// A stamp stands behind what a checkpoint needs, and takes nothing from that.
func TestStampLeavesTheRest(t *testing.T) {
	f, w := NewInFlight(0), &Writers{}
	w.Resume(Checkpoint{Low: 0}, 0, at(0))
	var offsets []int64
	for i := range int64(5000) { // more than there is room for
		offsets = append(offsets, 300*i)
	}
	hold(f, 300*5000, offsets...)
	var many []string
	for i := range 2 * mostWriters {
		many = append(many, fmt.Sprintf("%012x", i))
	}
	w.Mark(0, 300*5000, many, at(1))
	plain := f.Checkpoint()
	full := w.Stamp(plain)
	reach, needed := plain.needs()
	sameReach, same := full.needs()
	if reach != sameReach || !slices.Equal(needed, same) || len(needed) < 1000 {
		t.Errorf("%d are needed below %d, with the stamp %d below %d", len(needed), reach, len(same), sameReach)
	}
	if bundles, since := full.writers(); len(bundles) != mostWriters+1 || since != at(0) {
		t.Errorf("%d bundles since %v", len(bundles), since)
	}
	if n := len(full.Metadata); n > 4096 {
		t.Errorf("%d bytes, and a broker takes 4096", n)
	}
	for _, metadata := range []string{"", plain.Metadata, writersForm, writersForm + "x a", writersForm + "12", "by/1 12 a"} {
		if bundles, since := (Checkpoint{0, metadata}).writers(); bundles != nil || !since.IsZero() {
			t.Errorf("%q: %v since %v", metadata, bundles, since)
		}
	}
}
