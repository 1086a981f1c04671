package pauses

import (
	"flag"
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

var (
	pauses = flag.Bool("pauses", false, "measure what garbage collection and batching add at a steady load")
	length = flag.Duration("for", 5*time.Second, "how long each round is measured")
	rounds = flag.Int("rounds", 5, "how often each setting is measured, in turn")
	load   = flag.Float64("load", .35, "share of the records that serveflow takes on one core at full speed; live ones come in small batches, which take twice the CPU, so .35 is 70% of a core")
	also   = flag.String("also", "", "a further setting to compare, such as GOGC=400, or several")
)

const (
	// warming is left out: nothing is open at first, and no row is known.
	warming = 4 * time.Second
	// probe is how many lanes at full speed show what serveflow can take.
	probe = 400
	// spare is how many cores are to be idle; with less, what is measured is the machine.
	spare = .2
	// goal is what may be added to a label's compute, at the 99th percentile.
	goal = 5 * time.Millisecond
)

// setting is a way to run serveflow that is compared.
type setting struct {
	name string
	env  []string
}

// Live traffic at a steady pace, with serveflow's garbage collection as it ships and without any, in turn, so that what
// differs is the collector's. A flow's first record is in Kafka when the broker says so. The flow is one that the
// first stage decides: all between the two but the compute is batching and pauses.
func TestPauses(t *testing.T) {
	if !*pauses {
		t.Skip("on purpose: a bench of its own, make bench-pauses")
	}
	debug.SetGCPercent(-1) // the producer's pauses would be seen too
	debug.SetMemoryLimit(6 << 30)
	b := &bench{of: readTraffic(t), broker: kafkatest.StartWith(t, kafkatest.Options{Java: []string{"-Xmx2g", "-Xmn1g", "-XX:TieredStopAtLevel=4"}})}
	capacity := b.capacity(t)
	lanes := max(1, int(*load*capacity/b.of.perSecond()+.5))
	fmt.Printf("%d lanes of %s: %.0f records/s, %.0f%% of the %.0f that serveflow takes on one core; a flow's first record in Kafka to its label of the first stage, less compute\n\n",
		lanes, filepath.Base(b.of.file), float64(lanes)*b.of.perSecond(), 100**load, capacity)
	settings := []setting{{name: "as it ships"}, {name: "no collection", env: []string{"GOGC=off", "GOMEMLIMIT=8GiB"}}}
	if *also != "" {
		settings = append(settings, setting{name: *also, env: strings.Fields(*also)})
	}
	all := make([]seen, len(settings))
	b.measure(t, settings[0], lanes, &seen{}) // the broker compiles its code while it runs: that is seen in the first round
	for round := range *rounds {
		for i := range settings {
			i = (i + round) % len(settings) // no setting is always the first
			b.measure(t, settings[i], lanes, &all[i])
		}
	}
	fmt.Printf("| ms | decided p50 | p99 | p99.9 | p99 of the rounds | in its topic p50 | p99 | due to in Kafka p99 | CPU of a core | cores idle | collections | pause p50 | longest | MiB at most |\n%s\n",
		"| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	for i, s := range settings {
		fmt.Printf("| %s %s\n", s.name, all[i].row())
	}
	for i, s := range settings {
		if left := all[i].idle.Seconds() / all[i].took.Seconds(); left < spare {
			fmt.Printf("\n%s: only %.2f of %d cores were idle: these are times of waiting for a core behind the producer, the broker or other programs, so they say nothing of serveflow: run it with nothing else on the machine, or a lower -load\n", s.name, left, runtime.NumCPU())
			return
		}
	}
	added, rest := quantile(all[0].added(), .5), quantile(all[1].added(), .5)
	fmt.Printf("\np99 as it ships %.1f ms (goal %.0f), without any collection %.1f; the broker's clock has whole milliseconds, so up to 1 ms of both is none\n",
		added, float64(goal.Milliseconds()), rest)
}

// bench has what all rounds share.
type bench struct {
	of     *traffic
	broker *kafkatest.Broker
	topics int
}

// player makes topics and what writes them, and gives the settings to label them with.
func (b *bench) player(t *testing.T, lanes int, long time.Duration) (p *player, settings []string) {
	t.Helper()
	b.topics++
	records, labels := fmt.Sprintf("records-%d", b.topics), fmt.Sprintf("labels-%d", b.topics)
	for _, topic := range []string{records, labels} {
		kafkatest.CreateTopic(t, b.broker.Addr, topic, partitions, map[string]string{"message.timestamp.type": "LogAppendTime"})
	}
	kafkatest.CreateTopic(t, b.broker.Addr, labels+".dlq", 1, nil)
	plan, flows, n := b.of.plan(t, lanes, long)
	p = &player{of: b.of, client: &kafka.Client{Addr: kafka.TCP(b.broker.Addr), Transport: &kafka.Transport{}}, topic: records, plan: plan, records: n, flows: make([]arrival, flows)}
	return p, []string{"SERVEFLOW_BROKERS=" + b.broker.Addr, "SERVEFLOW_TOPIC=" + records, "SERVEFLOW_LABEL_TOPIC=" + labels, "SERVEFLOW_DEAD_LETTER_TOPIC=" + labels + ".dlq",
		"SERVEFLOW_GROUP=" + labels}
}

// capacity is how many records a second serveflow takes where all are there, from the first ones on.
func (b *bench) capacity(t *testing.T) float64 {
	t.Helper()
	p, settings := b.player(t, probe, 10*time.Second)
	p.play(t)
	m := startMember(t, append(settings, "GOMAXPROCS=1")...)
	taken := func() float64 { return m.metric("serveflow_records_total", "") }
	await.Until(t, "the first records to be read", func() bool { return taken() > 0 })
	before, began := taken(), time.Now()
	await.Within(t, time.Minute, "all records to be read", func() bool { return taken() >= float64(p.records) })
	perSecond := (float64(p.records) - before) / time.Since(began).Seconds()
	m.stop()
	return perSecond
}

// measure labels live records and adds what it sees.
func (b *bench) measure(t *testing.T, s setting, lanes int, to *seen) {
	t.Helper()
	p, settings := b.player(t, lanes, warming+*length)
	m := startMember(t, append(settings, s.env...)...)
	var cpu, unused time.Duration
	warm := time.AfterFunc(warming, func() { cpu, unused = m.cpu(), idle(t) })
	defer warm.Stop()
	p.paced = true
	p.play(t)
	to.cpu += m.cpu() - cpu
	to.idle += idle(t) - unused
	to.took += time.Since(p.began) - warming
	if read := m.metric("serveflow_records_total", ""); read < .99*float64(p.records) {
		t.Errorf("%s: serveflow is %.0f of %d records behind: the machine is too busy, or -load too high", s.name, float64(p.records)-read, p.records)
	}
	to.watch(m)
	m.stop()
	to.add(t, p, kafkatest.ReadAll(t, b.broker.Addr, fmt.Sprintf("labels-%d", b.topics)))
}
