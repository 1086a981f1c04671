package faults

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/compress"

	"github.com/serveflow/serveflow/consumer/zeek"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// What hostile input costs.
func TestFaultsPoison(t *testing.T) {
	group(t)
	broker := kafkatest.Start(t)
	var clean drained
	run(t, "1% poison of every kind: depth, size, 10^6 keys, NUL, UTF-8, tombstones, types",
		"all in dead letters with reason; throughput at most 20% lower; memory up by at most 64 MiB", func(t *testing.T, r *row) {
			// One after the other, and the clean one on both sides: the machine may have other work.
			clean = drain(t, broker.Addr, false)
			poisoned := drain(t, broker.Addr, true)
			again := drain(t, broker.Addr, false)
			clean.rate, clean.peak = (clean.rate+again.rate)/2, max(clean.peak, again.peak)
			r.saw("%d of %d are dead letters; %.0f records/s, %.0f without poison; %d MiB at most, %d without",
				poisoned.dead, poisoned.bad, poisoned.rate, clean.rate, poisoned.peak>>20, clean.peak>>20)
			if poisoned.rate < 0.8*clean.rate {
				t.Errorf("%.0f%% slower", 100*(1-poisoned.rate/clean.rate))
			}
			if up := poisoned.peak - clean.peak; up > 64<<20 {
				t.Errorf("memory is up by %d MiB", up>>20)
			}
		})
	run(t, "batches of 33 KB and 120 KB that unpack to 1 GB", "dead letters; lost 0; memory up by at most 64 MiB", func(t *testing.T, r *row) {
		bombs(t, r, broker.Addr, clean.peak)
	})
}

// drained is how a member fared that read what was there when it began.
type drained struct {
	rate      float64 // records a second
	peak      int64   // bytes resident
	bad, dead int     // poison sent, and dead letters with the right reasons
}

// drain fills a topic with the lab's records over and over, and has a member read it.
func drain(t *testing.T, addr string, poisoned bool) drained {
	s := newScene(t, setup{brokers: []string{addr}, partitions: 2,
		settings: append(quick(), "SERVEFLOW_SLOW_QUEUE=100000"), foreign: func(uid string) bool { return strings.HasPrefix(uid, "X") }})
	f := &filler{t: t, addr: addr, topic: s.name, poisoned: poisoned, reasons: map[string]int{}}
	f.fill(choose(20, 200))
	m := s.start(1)[0]
	s.await()
	began := time.Now()
	s.allCommitted(t)
	d := drained{rate: float64(f.records) / time.Since(began).Seconds()}
	y := s.finish()
	d.peak = m.peak.Load()
	for reason, n := range f.reasons {
		d.bad += n
		d.dead += min(n, y.dead[reason])
		if y.dead[reason] != n {
			t.Errorf("%d dead letters say %s, %d should", y.dead[reason], reason, n)
		}
	}
	return d
}

// filler writes the lab's records over and over, each time with uids and times of
// their own, and where it is told to every hundredth is poison.
type filler struct {
	t        *testing.T
	addr     string
	topic    string
	poisoned bool
	records  int
	reasons  map[string]int
	waiting  [2][][]byte // by partition
}

func (f *filler) fill(rounds int) {
	var lines [][]byte
	for line := range bytes.Lines(labLines(f.t)) {
		lines = append(lines, bytes.TrimSpace(line))
	}
	small, large := kafkatest.Poison()
	var decoder zeek.Decoder
	for round := range rounds {
		for _, line := range lines {
			var rec zeek.Record
			if err := decoder.Decode(line, &rec); err != nil {
				f.t.Fatal(err)
			}
			rec.TS += int64(round) * 600e6
			rec.UID = []byte(fmt.Sprintf("X%d%s", round, rec.UID))
			f.put(kafka.Murmur2Balancer{}.Balance(kafka.Message{Key: rec.UID}, 0, 1), zeek.AppendRecord(nil, &rec))
			if f.poisoned && f.records%100 == 99 {
				n := f.records / 100
				bad := small[n%len(small)]
				if n%20 == 19 { // a large one is as much as hundreds of small ones
					bad = large[n/20%len(large)]
				}
				f.reasons[bad.Reason]++
				f.put(n%2, bad.Value)
			}
		}
	}
	f.flush(0)
	f.flush(1)
}

func (f *filler) put(partition int, value []byte) {
	f.records++
	f.waiting[partition] = append(f.waiting[partition], value)
	if len(f.waiting[partition]) == 500 {
		f.flush(partition)
	}
}

func (f *filler) flush(partition int) {
	if len(f.waiting[partition]) == 0 {
		return
	}
	batch := kafkatest.Batch{Codec: compress.Lz4, Values: f.waiting[partition]}
	if _, err := kafkatest.ProduceRaw(f.t, f.addr, f.topic, partition, batch.Bytes()); err != nil {
		f.t.Fatal(err)
	}
	f.waiting[partition] = nil
}

// bombs puts bombs between traffic.
func bombs(t *testing.T, r *row, addr string, usual int64) {
	s := newScene(t, setup{brokers: []string{addr}, partitions: 2, settings: quick()})
	s.start(1)
	s.await()
	s.send(traffic{flows: choose(900, 20_000), rate: 300})
	want := map[string]int{}
	for round := range choose(2, 50) {
		for partition, bomb := range [][]byte{kafkatest.Bomb(1, 1<<30), kafkatest.Bomb(5000, 200<<10)} {
			if _, err := kafkatest.ProduceRaw(t, addr, s.name, (partition+round)%2, bomb); err != nil {
				t.Fatal(err)
			}
		}
		want["too_long"]++
		want["batch_too_large"]++
	}
	s.settle(time.Minute)
	y := s.finish()
	r.saw("%d bombs; %d MiB at most, %d without; dead letters %v", 2*want["too_long"], y.memory>>20, usual>>20, y.dead)
	for reason, n := range want {
		if y.dead[reason] != n {
			t.Errorf("%d dead letters say %s, %d should", y.dead[reason], reason, n)
		}
	}
	if y.dead["syntax"] == 0 {
		t.Error("of the second kind none was read before it was too much")
	}
	allowed := limits{wait: 30 * time.Second}
	if usual > 0 { // the row before was run, too
		allowed.memory = usual + 64<<20
	}
	r.hold(t, y, allowed)
}
