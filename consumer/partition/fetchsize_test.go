package partition

import (
	"testing"
	"time"
)

// What a fetch asks for grows where the link is fast and there is as much, and
// shrinks where it is slow.
func TestNextFetchBytes(t *testing.T) {
	const most = 1 << 20
	for _, c := range []struct {
		name        string
		asked, size int
		waited      time.Duration
		want        int
	}{
		{"a full answer at once", 64 << 10, 64 << 10, time.Millisecond, 128 << 10},
		{"all that there was, at once", 64 << 10, 10 << 10, 0, 64 << 10},
		{"a full answer in some time", 64 << 10, 64 << 10, 300 * time.Millisecond, 64 << 10},
		{"a full answer late", 64 << 10, 64 << 10, time.Second, 32 << 10},
		{"little, and late", 16 << 10, 5 << 10, time.Second, 16 << 10},
		{"as slow as is not slow yet", 64 << 10, 64 << 10, 500 * time.Millisecond, 64 << 10},
		{"a little slower", 64 << 10, 64 << 10, 500*time.Millisecond + 1, 32 << 10},
		{"as fast as is not fast yet", 64 << 10, 64 << 10, 100 * time.Millisecond, 64 << 10},
		{"a little faster", 64 << 10, 64 << 10, 100*time.Millisecond - 1, 128 << 10},
		{"half of what was asked for", 64 << 10, 32 << 10, 0, 128 << 10},
		{"a little less than that", 64 << 10, 32<<10 - 1, 0, 64 << 10},
		{"as much as may be", most, most, 0, most},
	} {
		if got := nextFetchBytes(c.asked, c.size, c.waited, most); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	if got := nextFetchBytes(1, 1, 0, 1); got != 1 {
		t.Errorf("%d, where the setting says 1", got)
	}
}
