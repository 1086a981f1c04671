package faults

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/compress"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// Hostile input: records that cannot be decoded, and batches that unpack to much more than
// their size.
func TestFaultsPoison(t *testing.T) {
	requireBench(t)
	broker := kafkatest.Start(t)
	var clean drainResult
	run(t, "1% poison of every kind: depth, size, 10^6 keys, NUL, UTF-8, tombstones, types",
		"all in dead letters with reason; throughput at most 20% lower; memory up by at most 64 MiB", func(t *testing.T, r *row) {
			// The runs alternate and the better one counts, because the machine may have other work.
			clean = drain(t, broker.Addr, false)
			poisoned := drain(t, broker.Addr, true).better(drain(t, broker.Addr, true))
			clean = clean.better(drain(t, broker.Addr, false))
			r.note("%d of %d are dead letters; %.0f records/s and %.1f us of CPU a record, without poison %.0f and %.1f; %d MiB at most, %d without",
				poisoned.dead, poisoned.bad, poisoned.rate, poisoned.cpu, clean.rate, clean.cpu, poisoned.peak>>20, clean.peak>>20)
			// By CPU time, because elapsed time includes the machine's other work.
			if slower := 1 - clean.cpu/poisoned.cpu; slower > 0.2 {
				t.Errorf("%.0f%% lower by CPU time, %.0f%% by the clock", 100*slower, 100*(1-poisoned.rate/clean.rate))
			}
			if up := poisoned.peak - clean.peak; up > 64<<20 {
				t.Errorf("memory is up by %d MiB", up>>20)
			}
		})
	run(t, "batches of 33 KB and 120 KB that unpack to 1 GB", "dead letters; lost 0; memory up by at most 64 MiB", func(t *testing.T, r *row) {
		bombs(t, r, broker.Addr, clean.peak)
	})
}

// drainResult is the result of a member that has read a prepared backlog.
type drainResult struct {
	rate      float64 // records per second, from the process's start on
	cpu       float64 // microseconds of CPU time per record
	peak      int64   // bytes of resident memory
	bad, dead int     // bad records that were sent, and dead letters with the right reasons
}

// better returns the better values of two runs.
func (d drainResult) better(other drainResult) drainResult {
	d.rate, d.cpu, d.peak = max(d.rate, other.rate), min(d.cpu, other.cpu), min(d.peak, other.peak)
	return d
}

// drain fills a topic with the lab's records, many times over, and lets a member read it.
func drain(t *testing.T, addr string, poisoned bool) drainResult {
	h := newHarness(t, harnessConfig{brokers: []string{addr}, partitions: 2, topicConfigs: keepForever(),
		settings: append(shortTimeouts(), "SERVEFLOW_SLOW_QUEUE=100000"), injected: func(uid string) bool { return strings.HasPrefix(uid, "X") }})
	f := &recordFiller{t: t, addr: addr, topic: h.name, poisoned: poisoned, reasons: map[string]int{}}
	f.fill(choose(20, 200))
	began := time.Now()
	m := h.start(1)[0]
	h.awaitAllCommitted(t)
	d := drainResult{rate: float64(f.records) / time.Since(began).Seconds(), cpu: cpuTime(t, m.process.PID()) / float64(f.records) * 1e6}
	res := h.finish()
	d.peak = m.peakMemory.Load()
	for reason, n := range f.reasons {
		d.bad += n
		d.dead += min(n, res.deadLetters[reason])
		if res.deadLetters[reason] != n {
			t.Errorf("%d dead letters say %s, %d should", res.deadLetters[reason], reason, n)
		}
	}
	return d
}

// keepForever returns topic settings that keep batches with old timestamps.
func keepForever() []kafka.ConfigEntry {
	return []kafka.ConfigEntry{{ConfigName: "retention.ms", ConfigValue: "-1"}}
}

// cpuTime returns the CPU time of a process, in seconds.
func cpuTime(t *testing.T, pid int) float64 {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		t.Fatal(err)
	}
	system, err := strconv.Atoi(fields[12])
	if err != nil {
		t.Fatal(err)
	}
	return float64(user+system) / 100 // ticks
}

// recordFiller writes the lab's records many times over, each time with other uids and times.
// With poisoned, every hundredth record cannot be decoded.
type recordFiller struct {
	t        *testing.T
	addr     string
	topic    string
	poisoned bool
	records  int
	reasons  map[string]int
	waiting  [2][][]byte // by partition
}

func (f *recordFiller) fill(rounds int) {
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
				if n%100 == 99 { // few, because a large one has as many bytes as a thousand records
					bad = large[n/100%len(large)]
				}
				f.reasons[bad.Reason]++
				f.put(n%2, bad.Value)
			}
		}
	}
	f.flush(0)
	f.flush(1)
}

func (f *recordFiller) put(partition int, value []byte) {
	f.records++
	f.waiting[partition] = append(f.waiting[partition], value)
	if len(f.waiting[partition]) == 500 {
		f.flush(partition)
	}
}

func (f *recordFiller) flush(partition int) {
	if len(f.waiting[partition]) == 0 {
		return
	}
	batch := kafkatest.Batch{Codec: compress.Lz4, Values: f.waiting[partition]}
	if _, err := kafkatest.ProduceRaw(f.t, f.addr, f.topic, partition, batch.Bytes()); err != nil {
		f.t.Fatal(err)
	}
	f.waiting[partition] = nil
}

// bombs lets a member begin with bombs and then read traffic. The bombs are written before the
// traffic: the broker unpacks them too, and meanwhile delays its other producers.
func bombs(t *testing.T, r *row, addr string, usual int64) {
	h := newHarness(t, harnessConfig{brokers: []string{addr}, partitions: 2, settings: shortTimeouts(), topicConfigs: keepForever()})
	want := map[string]int{}
	for round := range choose(2, 50) {
		for partition, bomb := range [][]byte{kafkatest.Bomb(1, 1<<30), kafkatest.Bomb(5000, 200<<10)} {
			if _, err := kafkatest.ProduceRaw(t, addr, h.name, (partition+round)%2, bomb); err != nil {
				t.Fatal(err)
			}
		}
		want["too_long"]++
		want["batch_too_large"]++
	}
	h.start(1)
	h.awaitReady()
	h.send(traffic{flows: choose(900, 20_000), rate: 300})
	h.settle(time.Minute)
	res := h.finish()
	r.note("%d bombs; %d MiB at most, %d without; dead letters %v", 2*want["too_long"], res.peakMemory>>20, usual>>20, res.deadLetters)
	for reason, n := range want {
		if res.deadLetters[reason] != n {
			t.Errorf("%d dead letters say %s, %d should", res.deadLetters[reason], reason, n)
		}
	}
	if res.deadLetters["syntax"] == 0 {
		t.Error("of the second kind none was read before it was too much")
	}
	allowed := limits{wait: 30 * time.Second}
	if usual > 0 { // the row before ran too
		allowed.memory = usual + 64<<20
	}
	r.check(t, res, allowed)
}
