package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// What befalls the slow model. The bundle is bundles/service with another slow model,
// which answers until a flow comes whose third packet has a certain TTL.
func TestFaultsSlowModel(t *testing.T) {
	group(t)
	// Room enough that the broker seldom halts to collect garbage: its halts of 20 ms
	// and more would be the p99.
	broker := kafkatest.StartWith(t, kafkatest.Options{Java: []string{"-Xmx1g", "-Xmn768m"}}).Addr
	// This row measures times, so it runs alone: the parallel ones begin when it is over.
	run(t, "the slow model hangs", "fast answers within 20% of their p99 while it is well and a process burns a core as the hang does; breaker within 5 s; lost 0", func(t *testing.T, r *row) {
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

// failModel sends bad flows now and then, and then many on end.
func failModel(t *testing.T, r *row, broker, how string) {
	s, m := sickScene(t, broker, how, 3)
	s.send(traffic{flows: choose(3000, 30_000), rate: 200})
	poisoned := 0
	for range 10 {
		s.sicken(1, poisoned)
		poisoned++
		time.Sleep(100 * time.Millisecond)
	}
	single := m.metric("serveflow_breaker_openings_total")
	fell := time.Now()
	var opened time.Duration
	for time.Since(fell) < 5*time.Second {
		s.sicken(50, poisoned)
		poisoned += 50
		time.Sleep(100 * time.Millisecond)
		if opened == 0 && m.metric("serveflow_breaker_openings_total") > 0 {
			opened = time.Since(fell)
		}
	}
	again := eventually(t, time.Minute, "the breaker is closed again", func() bool { return m.metric("serveflow_breaker_state") == 0 })
	s.settle(time.Minute)
	failures := m.metric("serveflow_model_failures_total", fmt.Sprintf("kind=%q", how))
	y := s.finish()
	_, others := s.answers(t)
	r.saw("single bad flows: %v openings; many: open after %.1f s, closed %.1f s after the last; %v failures of %d bad flows", single, opened.Seconds(), again.Seconds(), failures, poisoned)
	if others != poisoned {
		t.Errorf("%d of %d bad flows have a label", others, poisoned)
	}
	if single > 0 {
		t.Error("one bad flow among good ones opened the breaker")
	}
	if opened == 0 || opened > 5*time.Second {
		t.Errorf("the breaker opened after %v, 5 s are allowed", opened)
	}
	r.hold(t, y, limits{wait: 10 * time.Second, exceptions: true})
}

// crashModel kills the process as a library does that writes where it must not or
// gives up, in the middle of a call.
func crashModel(t *testing.T, r *row, broker string) {
	s, m := sickScene(t, broker, "hang", 3)
	s.send(traffic{flows: choose(5000, 30_000), rate: 200})
	poisoned := 0
	for _, sig := range []syscall.Signal{syscall.SIGSEGV, syscall.SIGABRT} {
		time.Sleep(3 * time.Second)
		s.sicken(1, poisoned)
		poisoned++
		time.Sleep(500 * time.Millisecond) // the call is under way
		m.send(sig)
		<-m.Done()
		if code := m.ExitCode(); code == 0 {
			t.Errorf("%v: exit code 0", sig)
		}
		m = s.start(1)[0]
		s.await()
	}
	s.sicken(1, poisoned)
	poisoned++
	time.Sleep(500 * time.Millisecond)
	drained := m.stop()
	s.start(1)
	s.settle(time.Minute)
	y := s.finish()
	_, others := s.answers(t)
	r.saw("SIGSEGV and SIGABRT in the middle of a call, SIGTERM in another drained in %.1f s; %d of %d bad flows have a label", drained.Seconds(), others, poisoned)
	if drained > 10*time.Second {
		t.Errorf("a drain took %v, 10 s are allowed", drained)
	}
	if others != poisoned {
		t.Errorf("%d of %d bad flows have a label", others, poisoned)
	}
	r.hold(t, y, limits{duplicates: 0.5, wait: session() + 15*time.Second, exceptions: true})
}

// sickScene starts a member with a bundle whose slow model can be made sick.
func sickScene(t *testing.T, broker, how string, partitions int) (*scene, *member) {
	t.Helper()
	s := newScene(t, setup{brokers: []string{broker}, partitions: partitions,
		settings: append(quick(), "SERVEFLOW_BUNDLE="+sickBundle(t, how), "SERVEFLOW_SLOW_TIMEOUT="+slowTimeout.String()),
		foreign:  func(uid string) bool { return strings.HasPrefix(uid, "X") }})
	m := s.start(1)[0]
	s.await()
	return s, m
}

// sicken sends some flows, numbered from n on, that the slow model is sick of.
func (c *scene) sicken(some, n int) {
	c.t.Helper()
	var best *template // the shortest that goes to the slow stage with three packets
	for _, f := range c.templates {
		if f.want.Stage == "slow" && f.want.Packets >= 3 && (best == nil || f.span < best.span) {
			best = f
		}
	}
	var records []kafka.Record
	start := time.Now().UnixMicro() - best.span
	for i := range some {
		uid := []byte(fmt.Sprintf("X%09d", n+i))
		for _, at := range best.records {
			rec := at.rec
			rec.UID, rec.TS = uid, rec.TS+start
			if rec.Kind == zeek.Packet && rec.N == 3 {
				rec.TTL, rec.Hdr = 77, bytes.Clone(rec.Hdr)
				rec.Hdr[8] = 77
			}
			records = append(records, kafka.Record{Time: time.Now(), Key: kafka.NewBytes(uid), Value: kafka.NewBytes(zeek.AppendRecord(nil, &rec))})
		}
	}
	resp, err := c.client.Produce(context.Background(), &kafka.ProduceRequest{Topic: c.name, Partition: 0,
		RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...)})
	if err == nil {
		err = resp.Error
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// answer is when a first stage's label was given, and how long after its packet, in
// seconds.
type answer struct{ at, after float64 }

// answers reads the first stage's labels of the scene's own flows, and counts the
// flows of others that have a label.
func (c *scene) answers(t *testing.T) (fast []answer, others int) {
	t.Helper()
	ends, err := c.ends(context.Background(), c.labels())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for partition, span := range ends {
		_, err := c.fetch(context.Background(), c.labels(), partition, span.first, span.end, func(r *kafka.Record) {
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
			case c.foreign(l.UID):
				seen[l.UID] = true
			case l.Stage == "first" && l.Reason == "confident":
				fast = append(fast, answer{l.Label, l.Label - l.Packet})
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return fast, len(seen)
}
