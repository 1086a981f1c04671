package ship

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// The log, the broker and the shipper have many faults in any order: every record comes at least
// once, and the first occurrences are in order.
func TestTorture(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { torture(t, rand.New(rand.NewPCG(seed, 5))) })
	}
}

func torture(t *testing.T, random *rand.Rand) {
	h := newHarness(t).start()
	n, files := 0, 0
	for range 60 {
		switch random.IntN(8) {
		case 0, 1, 2:
			more := random.IntN(20)
			text := burst("C1", n+1, n+1+more)
			half := len(text) / (1 + random.IntN(2))
			h.append("serveflow.log", text[:half])
			h.append("serveflow.log", text[half:])
			n += more
		case 3:
			if _, err := os.Stat(h.path("serveflow.log")); err == nil {
				h.rename("serveflow.log", fmt.Sprintf("serveflow.2026-11-24-10-00-%02d.log", files))
				files++
			}
		case 4:
			h.broker.set(random.IntN(3) == 0, false)
		case 5:
			time.Sleep(time.Duration(random.IntN(5)) * time.Millisecond)
		case 6:
			h.broker.set(false, false) // a stop that drains
			h.check(h.stop())
			h.start()
		case 7:
			if _, err := os.Stat(h.cfg.State); err == nil {
				h.crash()
				h.start()
			}
		}
	}
	h.broker.set(false, false)
	h.append("serveflow.log", burst("C1", n+1, n+2))
	n++
	seen := map[string]bool{}
	var firsts []string
	h.eventually(fmt.Sprintf("%d records", n), func() bool {
		firsts, seen = nil, map[string]bool{}
		for _, v := range h.broker.records(t, "packets", 0) {
			if !seen[v] {
				firsts = append(firsts, v)
			}
			seen[v] = true
		}
		return len(firsts) >= n
	})
	h.checkOrder(firsts, "C1", n)
	if dead := h.broker.records(t, deadTopic, 0); len(dead) > 0 {
		t.Errorf("dead letters: %q", dead)
	}
}
