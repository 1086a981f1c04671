package sink

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
	"github.com/serveflow/serveflow/sink/producer"
)

// outbox keeps what is sent.
type outbox []producer.Message

func (o *outbox) Send(_ context.Context, m producer.Message) { *o = append(*o, m) }

// A final label goes to both topics. It is acknowledged once both have it.
func TestFinalLabelIsWrittenTwice(t *testing.T) {
	var sent outbox
	labels, a, v := &Labels{Sender: &sent, Topic: "labels", Latest: "labels.latest"}, &ack{}, verdict()
	v.Final, v.Seq = false, 0
	labels.Put(t.Context(), &v)
	v.Final, v.Seq, v.Acker = true, 3, a
	labels.Put(t.Context(), &v)
	var topics []string
	for _, m := range sent {
		topics = append(topics, m.Topic)
	}
	if got := strings.Join(topics, " "); got != "labels labels labels.latest" || string(sent[1].Value) != string(sent[2].Value) {
		t.Fatalf("sent to %s", got)
	}
	if sent[2].Acker.Ack(); a.n != 0 {
		t.Error("acknowledged while one topic lacks the label")
	}
	if sent[1].Acker.Ack(); a.n != 1 {
		t.Errorf("%d acknowledgements", a.n)
	}
}

// A label for which nobody waits goes to both topics too. Without a compacted topic there is one.
func TestFinalLabelWithoutAcker(t *testing.T) {
	for latest, want := range map[string]int{"labels.latest": 2, "": 1} {
		var sent outbox
		v := verdict()
		labels := Labels{Sender: &sent, Topic: "labels", Latest: latest}
		labels.Put(t.Context(), &v)
		if len(sent) != want || sent[0].Acker != nil || sent[want-1].Acker != nil || string(sent[0].Key) != v.UID || !json.Valid(sent[0].Value) {
			t.Errorf("sent %v", sent)
		}
	}
}

// Kafka's compaction leaves each flow's final label, however often it was written.
func TestCompactedTopicEndsWithTheFinalLabels(t *testing.T) {
	broker := kafkatest.StartWith(t, kafkatest.Options{Properties: "\nlog.cleaner.backoff.ms=100\n"})
	kafkatest.CreateTopic(t, broker.Addr, "labels", 2, nil)
	kafkatest.CreateTopic(t, broker.Addr, "labels.latest", 2, map[string]string{
		"cleanup.policy": "compact", "segment.ms": "200", "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "200"})
	p := start(t, broker.Addr)
	const flows, times = 200, 3
	acks := &await.Tally{}
	write := func(uid string) {
		labels, v := &Labels{Sender: p, Topic: "labels", Latest: "labels.latest"}, verdict()
		v.UID = uid
		v.Final, v.Seq = false, 0
		labels.Put(t.Context(), &v)
		v.Final, v.Seq, v.Acker = true, 3, acks
		labels.Put(t.Context(), &v)
	}
	for range times {
		for i := range flows {
			write(fmt.Sprint("C", i))
		}
	}
	acks.Await(t, flows*times)
	// once says how many flows have one record in the compacted topic, a final one.
	once := func() (n int) {
		seen := map[string]int{}
		for _, r := range kafkatest.ReadAll(t, broker.Addr, "labels.latest") {
			if !strings.Contains(string(r.Value), `"final":true`) {
				t.Errorf("%s: %s", r.Key, r.Value)
			}
			seen[string(r.Key)]++
		}
		for i := range flows {
			if seen[fmt.Sprint("C", i)] == 1 {
				n++
			}
		}
		return n
	}
	rolls := 0
	await.Until(t, "one record for each flow", func() bool {
		rolls++
		write(fmt.Sprint("roll", rolls)) // a segment rolls when it is written to
		time.Sleep(100 * time.Millisecond)
		return once() == flows
	}, func() any { return once() })
	if n := len(kafkatest.ReadAll(t, broker.Addr, "labels")); n < 2*flows*times {
		t.Errorf("%d records in the label topic, %d were written", n, 2*flows*times)
	}
}

// Records that lie behind each other in memory are each their own: nothing is written over one that
// waits to be sent, however long it is.
func TestRecordsDoNotShareMemory(t *testing.T) {
	var sent outbox
	labels, want := &Labels{Sender: &sent, Topic: "labels"}, []string{}
	for i := range 300 {
		v := verdict()
		v.UID = strconv.Itoa(i) + strings.Repeat("x", i%7*5000)
		want = append(want, v.UID+" "+string(AppendLabel(nil, &v)))
		labels.Put(t.Context(), &v)
	}
	for i, m := range sent {
		if got := string(m.Key) + " " + string(m.Value); got != want[i] {
			t.Fatalf("message %d is %.60s, want %.60s", i, got, want[i])
		}
		if cap(m.Value) != len(m.Value) || cap(m.Key) != len(m.Key) {
			t.Fatalf("message %d can be appended to", i)
		}
	}
}
