package chain

import (
	"fmt"
	"time"

	"github.com/segmentio/kafka-go/compress"
)

// leaner is what a form takes where it can save something.
type leaner struct {
	form      form
	messages  *store
	written   cost
	fetched   time.Duration
	decoded   time.Duration
	responses [][]byte
	inKafka   int64
}

// forms measures what leaner forms save in the links that they change: writing them, the broker, fetch and decode. They
// are the first copy's records, written as often as there are copies.
func (b *bench) forms() {
	b.t.Helper()
	var all []*leaner
	for _, f := range forms {
		all = append(all, &leaner{form: f, messages: encode(b.t, f, b.lines[:b.one])})
	}
	for round := range 2 * *rounds { // they differ by less than the links do
		for i := range all {
			l := all[(i+round)%len(all)] // what a step leaves behind, in the heap and on the disk, falls on another form each time
			topic := b.topic("form", partitions, nil)
			l.written = l.written.least(b.produce(topic, asShip, *copies, l.messages))
			_, l.inKafka = b.logs(topic)
			if l.responses == nil {
				l.responses = b.responses(topic)
			}
		}
		for _, l := range all {
			fetched, n := b.fetch(l.responses)
			if n != *copies*l.messages.len() {
				b.t.Fatalf("%s: %d records in Kafka, want %d times %d", l.form.name, n, *copies, l.messages.len())
			}
			l.fetched = least(l.fetched, fetched)
			l.decoded = least(l.decoded, b.decode(l.form, l.messages))
		}
	}
	b.printSizes(all)
	b.printSavings(all)
}

func least(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}

func (b *bench) printSizes(all []*leaner) {
	fmt.Printf("\nLeaner forms, bytes:\n\n| form | records a flow | bytes a record | bytes a flow | in Kafka, as ship packs it | lz4 by the megabyte | zstd by the megabyte |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, l := range all {
		values, per := l.messages.valueBytes(), float64(*copies)/float64(b.flows)
		fmt.Printf("| %s | %.2f | %.0f | %.0f | %.0f | %.0f | %.0f |\n", l.form.name, float64(l.messages.len())*per, float64(values)/float64(l.messages.len()), float64(values)*per,
			float64(l.inKafka)/float64(b.flows), float64(packed(l.messages, compress.Lz4, 1<<20))*per, float64(packed(l.messages, compress.Zstd, 1<<20))*per)
	}
}

// printSavings prints the CPU of what a form can change. What it takes to turn JSON into the form is not in it, nor what
// ship does beside writing: so a saving is the most that there can be.
func (b *bench) printSavings(all []*leaner) {
	fmt.Printf("\nLeaner forms, us of CPU a flow:\n\n| form | write | broker | fetch | decode | together | saved | ... of ship, broker and run |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	var first float64
	for i, l := range all {
		flows := float64(b.flows)
		write, broker, fetch := micros(l.written.own)/flows, micros(l.written.broker)/flows, micros(l.fetched)/flows
		decode := micros(l.decoded) * float64(*copies) / flows
		sum := write + broker + fetch + decode
		if i == 0 {
			first = sum
		}
		fmt.Printf("| %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.1f%% |\n", l.form.name, write, broker, fetch, decode, sum, first-sum, 100*(first-sum)/b.whole)
	}
}
