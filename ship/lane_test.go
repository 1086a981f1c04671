package ship

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/sink/producer"
)

// packetAt is packet n of a flow, so many milliseconds after a time of day; endAt is the flow's
// end record.
func packetAt(uid string, n int, ms int) string {
	return strings.Replace(record(uid, n), fmt.Sprintf("1362692526.%06d", n), fmt.Sprintf("%d.%03d", 1362692526+ms/1000, ms%1000), 1)
}

func endAt(uid string, ms int) string {
	return fmt.Sprintf(`{"ev":"end","ts":%d.%03d,"uid":%q,"proto":"tcp","sent":2}`, 1362692526+ms/1000, ms%1000, uid)
}

// twoPaths has the harness follow two logs.
func (h *harness) twoPaths() *harness {
	h.cfg.Paths = []string{h.path("logger-1.log"), h.path("logger-2.log")}
	return h
}

// disorder is how far, in milliseconds, packet records lie behind one before them. It fails where
// an end record comes before a packet of its flow.
func disorder(t *testing.T, values []string) (worst int64) {
	t.Helper()
	var d zeek.Decoder
	latest, ended := int64(0), map[string]bool{}
	for _, value := range values {
		var rec zeek.Record
		if err := d.Decode([]byte(value), &rec); err != nil {
			t.Fatal(err)
		}
		switch rec.Kind {
		case zeek.End:
			ended[string(rec.UID)] = true
		case zeek.Packet:
			if ended[string(rec.UID)] {
				t.Errorf("a packet of %s comes behind its end", rec.UID)
			}
			worst = max(worst, (latest-rec.TS)/1000)
			latest = max(latest, rec.TS)
		}
	}
	return worst
}

// traffic is the lines of many flows of two packets and an end over an hour, in order of time,
// and dealt to two logs at random.
func traffic(flows int, random *rand.Rand) (all []string, logs [2]string) {
	for i := range flows {
		uid, at := fmt.Sprint("C", i), i*3_600_000/flows
		all = append(all, packetAt(uid, 1, at), packetAt(uid, 2, at+10), endAt(uid, at+10))
	}
	for _, line := range all {
		logs[random.IntN(2)] += line + "\n"
	}
	return all, logs
}

// A backlog of two loggers is shipped in record time, whatever their sizes, and resumed so.
func TestBacklogOfTwoLoggers(t *testing.T) {
	for seed := range uint64(5) {
		h := newHarness(t).twoPaths()
		all, logs := traffic(800, rand.New(rand.NewPCG(seed, 1)))
		h.append("logger-1.log", logs[0])
		h.append("logger-2.log", logs[1])
		h.start()
		values := h.broker.records(t, "packets", len(all))
		if got := disorder(t, values); got > 200 {
			t.Errorf("seed %d: disorder of %d ms", seed, got)
		}
		slices.Sort(values)
		slices.Sort(all)
		if !slices.Equal(values, all) {
			t.Errorf("seed %d: %d records, want %d, or others", seed, len(values), len(all))
		}
		h.check(h.stop())
	}
}

// So it is where records of other logs lie among those of the package.
func TestBacklogWithOtherRecords(t *testing.T) {
	h := newHarness(t).twoPaths()
	all, logs := traffic(800, rand.New(rand.NewPCG(6, 1)))
	for i, log := range logs {
		h.append(fmt.Sprintf("logger-%d.log", i+1), strings.ReplaceAll(log, "\n", "\n"+strings.Repeat("{\"ts\":1,\"uid\":\"O\"}\n", 3)))
	}
	h.start()
	values := h.broker.records(t, "packets", 4*len(all))
	if got := disorder(t, values); got > 200 || len(values) != 4*len(all) {
		t.Errorf("%d records of %d, disorder of %d ms", len(values), 4*len(all), got)
	}
}

// Archives are merged with each other too, and end by themselves.
func TestArchivesOfTwoLoggers(t *testing.T) {
	h := newHarness(t)
	all, logs := traffic(800, rand.New(rand.NewPCG(7, 1)))
	h.cfg.Paths = []string{h.path("1.gz"), h.path("2.gz")}
	h.append("1.gz", zipped(t, logs[0]))
	h.append("2.gz", zipped(t, logs[1]))
	h.start()
	h.check(<-h.done)
	h.done <- nil
	values := h.broker.records(t, "packets", len(all))
	if got := disorder(t, values); got > 200 || len(values) != len(all) {
		t.Errorf("%d records of %d, disorder of %d ms", len(values), len(all), got)
	}
}

// What waits for its turn is a part of the archive, however large that is.
func TestQueueOfALaneIsBounded(t *testing.T) {
	h := newHarness(t)
	h.cfg.Paths = []string{h.path("1.gz"), h.path("2.gz")}
	for i, name := range []string{"1.gz", "2.gz"} {
		var text strings.Builder
		for n := range 20_000 {
			text.WriteString(packetAt(fmt.Sprint("C", i), n%1000+1, n*50) + "\n")
		}
		h.append(name, zipped(t, text.String()))
	}
	queued := [2]int{}
	h.broker.before = func(m producer.Message) { // in the goroutine of the lane that sends
		lane := m.Key[1] - '0'
		queued[lane] = max(queued[lane], h.s.lanes[lane].input.Len())
	}
	h.start()
	h.check(<-h.done)
	h.done <- nil
	if most := 10_000; queued[0] > most || queued[1] > most {
		t.Errorf("%d lines were queued, of 20,000 each", queued)
	}
}

// At the end of a path, what is queued is sent although it is unsure whether its time is believed:
// the other path is given up first.
func TestFinishSendsWhatMayBeWild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := 0
		o := &output{budget: semaphore.NewWeighted(maxInFlightBytes), metrics: NewMetrics(prometheus.NewRegistry()), log: slog.New(slog.DiscardHandler),
			sender: sendFunc(func(producer.Message) { sent++ })}
		lanes := newLanes(o, []string{"a", "b"}, time.Second)
		take := func(l *lane, ts int64) {
			l.take(zeek.Packet, ts, outgoing{line: (&inFlightLines{}).add(line{}, 1, o.budget), kind: kindPacket})
		}
		take(lanes[0], 1e15)
		lanes[1].pass(t.Context(), t.Context(), true)
		lanes[0].pass(t.Context(), t.Context(), true)
		take(lanes[1], 1e15)
		lanes[1].pass(t.Context(), t.Context(), false) // b has more, which never comes
		take(lanes[0], 1e15+3600e6)
		began := time.Now()
		if lanes[0].finish(t.Context(), t.Context()); sent != 2 || time.Since(began) < lostAfter {
			t.Errorf("%d records were sent after %v", sent, time.Since(began))
		}
	})
}

type sendFunc func(producer.Message)

func (f sendFunc) Send(_ context.Context, m producer.Message) { f(m) }

// Standard input and FIFOs are not merged: a file does not wait for one that is silent.
func TestStreamsAreNotMerged(t *testing.T) {
	h := newHarness(t)
	h.cfg.Paths = []string{h.path("logger-1.log"), Stdin, h.path("fifo")}
	h.check(syscall.Mkfifo(h.path("fifo"), 0o644))
	out, in, err := os.Pipe()
	h.check(err)
	defer in.Close()
	h.in = out
	h.append("logger-1.log", burst("C1", 1, 500))
	h.start()
	h.checkOrder(h.broker.records(t, "packets", 499), "C1", 499)
	if n := h.metric("serveflow_ship_lost_files_total"); n != 0 {
		t.Errorf("%v were given up, after a wait", n)
	}
	if _, err := in.WriteString(packetAt("C2", 1, 3_000_000) + "\n"); err != nil {
		t.Fatal(err)
	}
	h.broker.records(t, "packets", 500)
}

// An archive that is still being written holds no other file back.
func TestGrowingArchiveIsNotWaitedFor(t *testing.T) {
	h := newHarness(t)
	h.cfg.Paths = []string{h.path("1.gz"), h.path("logger-2.log")}
	g := newGrowing(h, "1.gz")
	g.write(packetAt("C1", 1, 0) + "\n")
	h.append("logger-2.log", packetAt("C2", 1, 5000)+"\n"+packetAt("C2", 2, 50_000)+"\n")
	h.start()
	h.broker.records(t, "packets", 3)
	if n := h.metric("serveflow_ship_lost_files_total"); n != 0 {
		t.Errorf("%v were given up, after a wait", n)
	}
}

// A shipper that is killed while it catches up goes on in record time.
func TestTwoLoggersAfterACrash(t *testing.T) {
	h := newHarness(t).twoPaths()
	all, logs := traffic(800, rand.New(rand.NewPCG(8, 1)))
	h.append("logger-1.log", logs[0])
	h.append("logger-2.log", logs[1])
	h.start()
	h.broker.records(t, "packets", 600)
	h.broker.set(true, false)
	h.eventually("a checkpoint", func() bool { _, err := os.Stat(h.cfg.State); return err == nil })
	h.crash()
	before := len(h.broker.records(t, "packets", 0))
	h.start()
	seen := map[string]bool{}
	h.eventually("every record", func() bool {
		for _, value := range h.broker.records(t, "packets", 0) {
			seen[value] = true
		}
		return len(seen) == len(all)
	})
	if got := disorder(t, h.broker.records(t, "packets", 0)[before:]); got > 200 {
		t.Errorf("disorder of %d ms", got)
	}
}

// While both loggers write, records pass at once, in the order in which they come; and where one
// is silent, the other goes on.
func TestLiveLoggers(t *testing.T) {
	h := newHarness(t).twoPaths()
	h.append("logger-1.log", packetAt("C1", 1, 0)+"\n")
	h.start()
	h.broker.records(t, "packets", 1) // although the other file is not there yet
	want := 1
	for i := range 50 {
		name := []string{"logger-1.log", "logger-2.log"}[i%2]
		if i > 25 {
			name = "logger-1.log" // the other is silent now
		}
		h.append(name, packetAt("C1", 2+i, 1000*i)+"\n"+endAt("C2", 1000*i)+"\n")
		want += 2
		h.broker.records(t, "packets", want)
	}
}

// A logger's file that cannot be read holds the other one back no longer than it takes to see
// that.
func TestUnreadableLogger(t *testing.T) {
	h := newHarness(t).twoPaths()
	h.start()
	h.check(os.Mkdir(h.path("logger-2.log"), 0o755))
	h.append("logger-1.log", burst("C1", 1, 500))
	h.checkOrder(h.broker.records(t, "packets", 499), "C1", 499)
	if n := h.metric("serveflow_ship_lost_files_total"); n != 0 {
		t.Errorf("%v were given up, after a wait", n)
	}
}

// A file of another log beside packet records has no place in record time: neither waits for the
// other. A file of which every line is refused holds nothing back either.
func TestOtherLogsAreNotWaitedFor(t *testing.T) {
	for name, other := range map[string]func(i int) string{
		"conn.log": func(i int) string {
			return fmt.Sprintf(`{"ts":%d.5,"uid":"D%d","conn_state":"SF"}`, 1_000_000_000+i, i)
		},
		"no log": func(int) string { return "no record" },
	} {
		h := newHarness(t).twoPaths()
		sent := make(chan struct{}, 1) // nothing is sent until the test asks for it
		h.broker.before = func(m producer.Message) {
			if !strings.Contains(string(m.Value), `"ev"`) {
				<-sent
			}
		}
		var lines strings.Builder
		for i := range 3000 {
			lines.WriteString(other(i) + "\n")
		}
		h.append("logger-1.log", lines.String())
		h.append("logger-2.log", burst("C1", 1, 500))
		h.start()
		for range otherLog + 1 {
			sent <- struct{}{}
		}
		h.eventually(name+": the packets, while the other log stands still", func() bool {
			return h.metric("serveflow_ship_records_total") >= 499 && packets(h.broker.records(t, "packets", 0)) == 499
		})
		close(sent)
		h.eventually("the rest", func() bool {
			return len(h.broker.records(t, "packets", 0))+len(h.broker.records(t, deadTopic, 0)) == 3499
		})
		h.check(h.stop())
	}
}

func packets(values []string) (n int) {
	for _, value := range values {
		if strings.Contains(value, `"ev":"pkt"`) {
			n++
		}
	}
	return n
}

// A stop while a file waits for another ends at once, and everything comes after the next start.
func TestStopWhileFilesWait(t *testing.T) {
	h := newHarness(t).twoPaths()
	all, logs := traffic(800, rand.New(rand.NewPCG(9, 1)))
	h.append("logger-1.log", logs[0])
	h.append("logger-2.log", logs[1])
	for range 5 {
		h.start()
		h.check(h.stop())
	}
	h.start()
	seen := map[string]bool{}
	h.eventually("every record", func() bool {
		for _, value := range h.broker.records(t, "packets", 0) {
			seen[value] = true
		}
		return len(seen) == len(all)
	})
	if dead := h.broker.records(t, deadTopic, 0); len(dead) > 0 {
		t.Errorf("dead letters: %q", dead)
	}
}
