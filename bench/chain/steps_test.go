package chain

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/kafkatest"
	"github.com/serveflow/serveflow/internal/process"
)

const (
	serveflow = "../../bin/serveflow"
	// patience is how long a step may stand still.
	patience = time.Minute
)

// cost is what a step took: in its own process, and in the broker meanwhile.
type cost struct{ own, broker time.Duration }

// least is the smaller one of each; a cost of zero has not been measured yet.
func (c cost) least(o cost) cost {
	if c == (cost{}) {
		return o
	}
	return cost{min(c.own, o.own), min(c.broker, o.broker)}
}

// topic makes a topic, with a setting of its own where there is one.
func (b *bench) topic(kind string, partitions int, settings map[string]string) string {
	b.t.Helper()
	b.topics++
	name := fmt.Sprintf("%s.%d", kind, b.topics)
	kafkatest.CreateTopic(b.t, b.addr, name, partitions, settings)
	return name
}

// ship writes a log to a topic, until all of it is there.
func (b *bench) ship(log, topic string, records int) cost {
	b.t.Helper()
	return b.program(topic, records, func(own, _ time.Duration, _ int64) time.Duration { return own },
		[]string{"ship", log}, "SERVEFLOW_TOPIC="+topic, "SERVEFLOW_DEAD_LETTER_TOPIC="+b.topic("dlq", 1, nil), "SERVEFLOW_SHIP_ADMIN=",
		"SERVEFLOW_SHIP_STATE="+filepath.Join(b.t.TempDir(), "ship.json"))
}

// label labels a topic, until each flow has its label. The start is not counted: of what it takes from the first labels
// on, the flows before have a share like the others.
func (b *bench) label(topic, labels string) cost {
	b.t.Helper()
	running := func(own, starting time.Duration, first int64) time.Duration {
		if first >= int64(b.flows) { // too few flows to tell the start from the rest
			return own
		}
		return time.Duration(float64(own-starting) * float64(b.flows) / float64(int64(b.flows)-first))
	}
	return b.program(labels, b.flows, running, []string{"run"}, "SERVEFLOW_TOPIC="+topic, "SERVEFLOW_LABEL_TOPIC="+labels,
		"SERVEFLOW_DEAD_LETTER_TOPIC="+b.topic("dlq", 1, nil), "SERVEFLOW_GROUP="+labels, "SERVEFLOW_BUNDLE=../../bundles/service",
		"SERVEFLOW_ADMIN=", "SERVEFLOW_ADAPT=off")
}

// program runs serveflow until a topic has so many records. counted gives its cost, of its CPU time, and of that until
// its first records were there and how many those were.
func (b *bench) program(topic string, want int, counted func(own, starting time.Duration, first int64) time.Duration, args []string, settings ...string) cost {
	b.t.Helper()
	said := filepath.Join(b.t.TempDir(), "said")
	before := spent(b.t, b.broker)
	p, err := process.Start(command(args, append(settings, "SERVEFLOW_BROKERS="+b.addr)), said)
	if err != nil {
		b.t.Fatal(err)
	}
	defer p.Stop(patience)
	seen, since, first, starting := int64(0), time.Now(), int64(0), time.Duration(0)
	for seen < int64(want) {
		n := b.written(topic)
		switch {
		case n > seen && seen == 0:
			first, starting = n, spent(b.t, p.PID())
			fallthrough
		case n > seen:
			seen, since = n, time.Now()
		case time.Since(since) > patience || !p.Running():
			b.t.Fatalf("serveflow %v: topic %s has %d records of %d, and no more come: %s", args, topic, seen, want, tail(b.t, said))
		}
		time.Sleep(20 * time.Millisecond)
	}
	return cost{counted(spent(b.t, p.PID()), starting, first), spent(b.t, b.broker) - before}
}

// message is a record as a producer has it.
type message struct{ key, value []byte }

// way is a way to write: a codec, and how many messages at once.
type way struct {
	codec  kafka.Compression
	atOnce int
}

// asShip is how ship's producer writes (sink/producer); it has no settings for either.
var asShip = way{kafka.Lz4, 4000}

// produce writes messages in this process, several times over, as ship's producer does but in a way of choice.
func (b *bench) produce(topic string, how way, times int, messages *store) cost {
	b.t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	w := &kafka.Writer{Addr: kafka.TCP(b.addr), Topic: topic, Transport: transport, Balancer: kafka.Murmur2Balancer{}, RequiredAcks: kafka.RequireAll,
		BatchSize: how.atOnce, BatchBytes: 96 << 20, BatchTimeout: time.Millisecond, Compression: how.codec}
	before := cost{settled(b.t), spent(b.t, b.broker)}
	for range times {
		for from := 0; from < messages.len(); from += how.atOnce {
			batch := make([]kafka.Message, 0, how.atOnce)
			for i := from; i < min(messages.len(), from+how.atOnce); i++ {
				m := messages.at(i)
				batch = append(batch, kafka.Message{Key: m.key, Value: m.value})
			}
			if err := w.WriteMessages(b.t.Context(), batch...); err != nil {
				b.t.Fatalf("write to %s: %v", topic, err)
			}
		}
	}
	if err := w.Close(); err != nil {
		b.t.Fatal(err)
	}
	return cost{mine(b.t) - before.own, spent(b.t, b.broker) - before.broker}
}

// written is how many records a topic has.
func (b *bench) written(topic string) (n int64) {
	b.t.Helper()
	var ask []kafka.OffsetRequest
	for i := range partitions {
		ask = append(ask, kafka.LastOffsetOf(i))
	}
	client := &kafka.Client{Addr: kafka.TCP(b.addr)}
	res, err := client.ListOffsets(b.t.Context(), &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: ask}})
	if err != nil {
		b.t.Fatalf("topic %s: %v", topic, err)
	}
	for _, p := range res.Topics[topic] {
		n += p.LastOffset
	}
	return n
}
