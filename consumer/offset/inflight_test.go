package offset

import (
	"slices"
	"testing"
)

func TestLowWatermark(t *testing.T) {
	f := NewInFlight(0)
	if f.Advance(10); f.Low() != 10 {
		t.Errorf("nothing is held: %d", f.Low())
	}
	first := f.Pin(10)
	f.Advance(14)
	second := f.Pin(14)
	f.Advance(20)
	if f.Low() != 10 || f.Unacknowledged() != 2 {
		t.Errorf("two are held: low %d, %d unacknowledged", f.Low(), f.Unacknowledged())
	}
	second.Ack()
	if f.Low() != 10 || f.Unacknowledged() != 1 {
		t.Errorf("the first still holds: low %d, %d unacknowledged", f.Low(), f.Unacknowledged())
	}
	first.Ack()
	first.Ack() // twice does no harm
	if f.Low() != 20 || f.Unacknowledged() != 0 {
		t.Errorf("all are acknowledged: low %d, %d unacknowledged", f.Low(), f.Unacknowledged())
	}
	if f.Advance(3); f.Next() != 20 {
		t.Errorf("went back to %d", f.Next())
	}
}

// What was deleted before it was read is lost only where it was needed.
func TestLost(t *testing.T) {
	f := NewInFlight(0)
	f.Resume(Checkpoint{Low: 5})
	for first, want := range map[int64]int64{0: 0, 5: 0, 6: 1, 8: 3} {
		if got := f.Lost(first); got != want {
			t.Errorf("the log begins at %d: %d lost, want %d", first, got, want)
		}
	}
	reader := NewInFlight(0)
	hold(reader, 50, 10, 20, 40)
	f.Resume(reader.Checkpoint())
	for first, want := range map[int64]int64{10: 0, 11: 1, 20: 1, 21: 2, 41: 3, 50: 3, 52: 5} {
		if got := f.Lost(first); got != want {
			t.Errorf("the log begins at %d: %d lost, want %d", first, got, want)
		}
	}
	f.Advance(21)
	if got := f.Lost(41); got != 1 {
		t.Errorf("%d lost, want the one at 40", got)
	}
	f.Advance(41)
	if got := f.Lost(41); got != 0 {
		t.Errorf("%d lost although all were taken", got)
	}
}

// The next record may lie behind needed ones, where those were deleted.
func TestNeededRecordsThatAreMissing(t *testing.T) {
	reader, f := NewInFlight(0), NewInFlight(0)
	hold(reader, 50, 10, 20, 40)
	f.Resume(reader.Checkpoint())
	if !f.Needs(40) {
		t.Error("40 is needed, whatever became of 10 and 20")
	}
	if f.Needs(41) {
		t.Error("41 is not needed")
	}
}

// Whoever looks for the needed offsets gets no more of them than asked for.
func TestEachStops(t *testing.T) {
	reader, f := NewInFlight(0), NewInFlight(0)
	hold(reader, 50, 10, 20, 40)
	f.Resume(reader.Checkpoint())
	hold(f, 11, 10)
	for most := range 4 {
		var got []int64
		f.each(func(offset int64) bool {
			got = append(got, offset)
			return len(got) <= most
		})
		if want := []int64{10, 20, 40}[:min(most+1, 3)]; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}
