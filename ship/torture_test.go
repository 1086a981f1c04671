package ship

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// Whatever happens to the log, to the broker and to the shipper, in any order:
// every record comes at least once, and the first occurrences in order.
func TestTorture(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { torture(t, rand.New(rand.NewPCG(seed, 5))) })
	}
}

func torture(t *testing.T, random *rand.Rand) {
	r := newRig(t).start()
	n, files := 0, 0
	for range 60 {
		switch random.IntN(8) {
		case 0, 1, 2:
			more := random.IntN(20)
			text := burst("C1", n+1, n+1+more)
			half := len(text) / (1 + random.IntN(2))
			r.append("serveflow.log", text[:half])
			r.append("serveflow.log", text[half:])
			n += more
		case 3:
			if _, err := os.Stat(r.path("serveflow.log")); err == nil {
				r.rename("serveflow.log", fmt.Sprintf("serveflow.2026-11-24-10-00-%02d.log", files))
				files++
			}
		case 4:
			r.broker.set(random.IntN(3) == 0, false)
		case 5:
			time.Sleep(time.Duration(random.IntN(5)) * time.Millisecond)
		case 6:
			r.broker.set(false, false) // a stop that drains
			r.check(r.stop())
			r.start()
		case 7:
			if _, err := os.Stat(r.cfg.State); err == nil {
				r.crash()
				r.start()
			}
		}
	}
	r.broker.set(false, false)
	r.append("serveflow.log", burst("C1", n+1, n+2))
	n++
	seen := map[string]bool{}
	var firsts []string
	r.eventually(fmt.Sprintf("%d records", n), func() bool {
		firsts, seen = nil, map[string]bool{}
		for _, v := range r.broker.records(t, "packets", 0) {
			if !seen[v] {
				firsts = append(firsts, v)
			}
			seen[v] = true
		}
		return len(firsts) >= n
	})
	r.inOrder(firsts, "C1", n)
	if dead := r.broker.records(t, deadTopic, 0); len(dead) > 0 {
		t.Errorf("dead letters: %q", dead)
	}
}
