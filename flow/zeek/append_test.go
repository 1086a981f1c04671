package zeek

import "testing"

// A time is written so that it reads back to the microsecond, in Zeek's own form.
func TestTimesAreExact(t *testing.T) {
	for micros, want := range map[int64]string{
		0: "0.0", 1: "0.000001", 100_000: "0.1", 1_000_000: "1.0", 1_362_692_526_939_084: "1362692526.939084",
		1_362_692_526_900_000: "1362692526.9", 13_626_792_526_939_084: "13626792526.939084", MaxTS: "99999999999.999999",
	} {
		if got := string(appendTime(nil, micros)); got != want {
			t.Errorf("%d: %s, want %s", micros, got, want)
		}
	}
}
