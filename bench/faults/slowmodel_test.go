package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// Faults of the slow model. The bundle is bundles/service with another slow model, which fails
// on a flow whose fifth packet has a certain TTL.
func TestFaultsSlowModel(t *testing.T) {
	requireBench(t)
	// A large heap, so that the broker seldom pauses to collect garbage: its pauses of 20 ms
	// and more would become the p99.
	broker := kafkatest.StartWith(t, kafkatest.Options{Java: []string{"-Xmx1g", "-Xmn768m"}}).Addr
	// This row measures times, so it runs alone: the parallel rows begin after it.
	run(t, "the slow model hangs", choose("", "fast answers within 20% of their p99 while it is well and a process burns a core as the hang does; ")+
		"no fast answer waits for a hanging call; breaker within 5 s; lost 0", func(t *testing.T, r *row) {
		hangModel(t, r, broker)
	})
	run(t, "the slow model fails", "breaker within 5 s; lost 0", func(t *testing.T, r *row) {
		t.Parallel()
		failModel(t, r, broker, "error")
	})
	run(t, "the slow model gives NaN", "breaker within 5 s; lost 0", func(t *testing.T, r *row) {
		t.Parallel()
		failModel(t, r, broker, "nan")
	})
	run(t, "the slow model's library crashes the process", "the restart loses nothing", func(t *testing.T, r *row) {
		t.Parallel()
		crashModel(t, r, broker)
	})
}

// failModel sends single bad flows, and then many in a row.
func failModel(t *testing.T, r *row, broker, fault string) {
	h, m := newBadModelHarness(t, broker, fault, 3)
	// All of them for the slow stage, so that some lie between two bad ones.
	h.send(traffic{flows: choose(1500, 15_000), rate: 100, only: "slow"})
	badFlows := 0
	for range 10 {
		h.sendBadFlows(1, badFlows)
		badFlows++
		time.Sleep(100 * time.Millisecond)
	}
	single := m.metric("serveflow_breaker_openings_total")
	start := time.Now()
	var opened time.Duration
	for time.Since(start) < 5*time.Second {
		h.sendBadFlows(50, badFlows)
		badFlows += 50
		time.Sleep(100 * time.Millisecond)
		if opened == 0 && m.metric("serveflow_breaker_openings_total") > 0 {
			opened = time.Since(start)
		}
	}
	closedAfter := eventually(t, time.Minute, "the breaker is closed again", func() bool { return m.metric("serveflow_breaker_state") == 0 })
	h.settle(time.Minute)
	failures := m.metric("serveflow_model_failures_total", fmt.Sprintf("kind=%q", fault))
	res := h.finish()
	_, labelled := h.readAnswers(t)
	r.note("single bad flows: %v openings; many: open after %.1f s, closed %.1f s after the last; %v failures of %d bad flows", single, opened.Seconds(), closedAfter.Seconds(), failures, badFlows)
	if labelled != badFlows {
		t.Errorf("%d of %d bad flows have a label", labelled, badFlows)
	}
	if single > 0 {
		t.Error("one bad flow among good ones opened the breaker")
	}
	if opened == 0 || opened > 5*time.Second {
		t.Errorf("the breaker opened after %v, 5 s are allowed", opened)
	}
	r.check(t, res, limits{wait: 10 * time.Second, exceptions: true})
}

// crashModel kills the process in the middle of a call, by the signals of a library that
// accesses wrong memory or aborts.
func crashModel(t *testing.T, r *row, broker string) {
	h, m := newBadModelHarness(t, broker, "hang", 3)
	h.send(traffic{flows: choose(5000, 30_000), rate: 200})
	badFlows := 0
	for _, sig := range []syscall.Signal{syscall.SIGSEGV, syscall.SIGABRT} {
		time.Sleep(3 * time.Second)
		h.sendBadFlows(1, badFlows)
		badFlows++
		time.Sleep(500 * time.Millisecond) // the call has begun
		m.send(sig)
		<-m.process.Done()
		if code := m.process.ExitCode(); code == 0 {
			t.Errorf("%v: exit code 0", sig)
		}
		m = h.start(1)[0]
		h.awaitReady()
	}
	h.sendBadFlows(1, badFlows)
	badFlows++
	time.Sleep(500 * time.Millisecond)
	drained := m.stop()
	h.start(1)
	h.settle(time.Minute)
	res := h.finish()
	_, labelled := h.readAnswers(t)
	r.note("SIGSEGV and SIGABRT in the middle of a call, SIGTERM in another drained in %.1f s; %d of %d bad flows have a label", drained.Seconds(), labelled, badFlows)
	if drained > 10*time.Second {
		t.Errorf("a drain took %v, 10 s are allowed", drained)
	}
	if labelled != badFlows {
		t.Errorf("%d of %d bad flows have a label", labelled, badFlows)
	}
	r.check(t, res, limits{duplicates: 0.5, wait: sessionTimeout() + 15*time.Second, exceptions: true})
}

// newBadModelHarness starts a member with a bundle whose slow model has a fault: hang, error
// or nan.
func newBadModelHarness(t *testing.T, broker, fault string, partitions int) (*harness, *member) {
	t.Helper()
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: partitions,
		settings: append(shortTimeouts(), "SERVEFLOW_BUNDLE="+badModelBundle(t, fault), "SERVEFLOW_SLOW_TIMEOUT="+slowTimeout.String()),
		injected: func(uid string) bool { return strings.HasPrefix(uid, "X") }})
	m := h.start(1)[0]
	h.awaitReady()
	return h, m
}

// sendBadFlows sends count flows on which the slow model fails, numbered from first on.
func (h *harness) sendBadFlows(count, first int) {
	h.t.Helper()
	var shortest *template // that goes to the slow stage with five packets, the fifth of them by IPv4
	for _, tpl := range h.templates {
		if tpl.want.Stage == "slow" && tpl.want.Packets >= 5 && slices.ContainsFunc(tpl.records, isFifthIPv4) && (shortest == nil || tpl.span < shortest.span) {
			shortest = tpl
		}
	}
	var records []kafka.Record
	start := time.Now().UnixMicro() - shortest.span
	for i := range count {
		uid := []byte(fmt.Sprintf("X%09d", first+i))
		for _, timed := range shortest.records {
			rec := timed.rec
			rec.UID, rec.TS = uid, rec.TS+start
			if rec.Kind == zeek.Packet && rec.N == 5 {
				rec.TTL, rec.Hdr = 77, bytes.Clone(rec.Hdr)
				rec.Hdr[8] = 77
			}
			records = append(records, kafka.Record{Time: time.Now(), Key: kafka.NewBytes(uid), Value: kafka.NewBytes(zeek.AppendRecord(nil, &rec))})
		}
	}
	resp, err := h.client.Produce(context.Background(), &kafka.ProduceRequest{Topic: h.name, Partition: 0,
		RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...)})
	if err == nil {
		err = resp.Error
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func isFifthIPv4(r timedRecord) bool {
	return r.rec.Kind == zeek.Packet && r.rec.N == 5 && len(r.rec.Hdr) > 8 && r.rec.Hdr[0]>>4 == 4
}

// fastAnswer is the time of a first stage's label, in seconds since the epoch, and its delay
// after the packet, in seconds.
type fastAnswer struct{ at, delay float64 }

// readAnswers returns the answers of the first stage to the producer's flows, and the number
// of bad flows that have a label.
func (h *harness) readAnswers(t *testing.T) (fast []fastAnswer, badFlows int) {
	t.Helper()
	ends, err := h.offsetRanges(context.Background(), h.labels())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for partition, span := range ends {
		_, err := h.fetch(context.Background(), h.labels(), partition, span.first, span.end, func(r *kafka.Record) {
			value, _ := kafka.ReadAll(r.Value)
			var l struct {
				UID    string  `json:"uid"`
				Stage  string  `json:"stage"`
				Reason string  `json:"reason"`
				Packet float64 `json:"ts_packet"`
				Label  float64 `json:"ts_label"`
			}
			if err := json.Unmarshal(value, &l); err != nil {
				t.Fatal(err)
			}
			switch {
			case h.cfg.injected(l.UID):
				seen[l.UID] = true
			case l.Stage == "first" && l.Reason == "confident":
				fast = append(fast, fastAnswer{l.Label, l.Label - l.Packet})
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return fast, len(seen)
}
