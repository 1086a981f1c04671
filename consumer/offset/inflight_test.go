package offset

import "testing"

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
}
