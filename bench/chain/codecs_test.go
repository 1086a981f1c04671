package chain

import (
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
)

// codecs measures what compression costs the producer, the broker and run. Where the topic has a compression.type, which
// an operator can set without any change of ours, the broker packs the records anew.
func (b *bench) codecs() {
	b.t.Helper()
	type row struct {
		name              string
		how               way
		settings          map[string]string
		written, labelled cost
		bytes             int64
	}
	rows := []*row{
		{name: "none", how: way{0, asShip.atOnce}},
		{name: "snappy", how: way{kafka.Snappy, asShip.atOnce}},
		{name: "lz4, as ship writes", how: asShip},
		{name: "zstd", how: way{kafka.Zstd, asShip.atOnce}},
		{name: "lz4, and the topic's compression.type=zstd", how: asShip, settings: map[string]string{"compression.type": "zstd"}},
		{name: "lz4, 8,000 records at once", how: way{kafka.Lz4, 8000}},
	}
	asIs := encode(b.t, forms[0], b.lines)
	for range *rounds {
		for _, r := range rows {
			topic := b.topic("codec", partitions, r.settings)
			r.written = r.written.least(b.produce(topic, r.how, 1, asIs))
			r.labelled = r.labelled.least(b.label(topic, b.topic("labels", partitions, nil)))
			_, r.bytes = b.logs(topic)
		}
	}
	fmt.Printf("\nThe same records by other codecs, us of CPU a flow:\n\n| codec | bytes a record in Kafka | producer | broker, written to | broker, read from | run, once it runs | together |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, r := range rows {
		per := func(d time.Duration) float64 { return micros(d) / float64(b.flows) }
		fmt.Printf("| %s | %.0f | %.1f | %.1f | %.1f | %.1f | %.1f |\n", r.name, float64(r.bytes)/float64(asIs.len()), per(r.written.own), per(r.written.broker),
			per(r.labelled.broker), per(r.labelled.own), per(r.written.own+r.written.broker+r.labelled.own+r.labelled.broker))
	}
}
