package sink

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/kafkatest"
	"github.com/serveflow/serveflow/sink/producer"
)

// outbox keeps what is sent.
type outbox []producer.Message

func (o *outbox) Send(_ context.Context, m producer.Message) { *o = append(*o, m) }

// A final label goes to both topics, and holds its place until both have it.
func TestFinalLabelIsWrittenTwice(t *testing.T) {
	var sent outbox
	labels, a, v := Labels{&sent, "labels", "labels.latest"}, &ack{}, verdict()
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

// Kafka's compaction leaves each flow's final label, however often it was written.
func TestCompactedTopicEndsWithTheFinalLabels(t *testing.T) {
	broker := kafkatest.StartWith(t, kafkatest.Options{Properties: "\nlog.cleaner.backoff.ms=100\n"})
	kafkatest.CreateTopic(t, broker.Addr, "labels", 2, nil)
	kafkatest.CreateTopic(t, broker.Addr, "labels.latest", 2, map[string]string{
		"cleanup.policy": "compact", "segment.ms": "200", "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "200"})
	p := start(t, broker.Addr)
	const flows, times = 200, 3
	acks := &tally{}
	write := func(uid string) {
		labels, v := Labels{p, "labels", "labels.latest"}, verdict()
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
	acks.await(t, flows*times)
	counts := func() map[string]int {
		seen := map[string]int{}
		for _, r := range kafkatest.ReadAll(t, broker.Addr, "labels.latest") {
			if !strings.Contains(string(r.Value), `"final":true`) {
				t.Errorf("%s: %s", r.Key, r.Value)
			}
			seen[string(r.Key)]++
		}
		return seen
	}
	for n := 0; ; n++ {
		write(fmt.Sprint("roll", n)) // a segment rolls when it is written to
		time.Sleep(100 * time.Millisecond)
		once, seen := 0, counts()
		for i := range flows {
			if seen[fmt.Sprint("C", i)] == 1 {
				once++
			}
		}
		if once == flows {
			break
		}
		if n > 300 {
			t.Fatalf("%d of %d flows are there once", once, flows)
		}
	}
	if n := len(kafkatest.ReadAll(t, broker.Addr, "labels")); n < 2*flows*times {
		t.Errorf("%d records in the label topic, %d were written", n, 2*flows*times)
	}
}
