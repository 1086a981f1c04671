package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/compress"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// letter is what a dead letter says of itself.
func letter(m kafka.Message) string {
	h := map[string]string{}
	for _, header := range m.Headers {
		h[header.Key] = string(header.Value)
	}
	text := h["offset"] + " " + h["stage"] + " " + h["reason"]
	if h["offsets"] != "" {
		text += " of " + h["offsets"]
	}
	if h["cut"] != "" {
		text += " cut from " + h["size"]
	}
	return text
}

// hostileLog writes the lab's records with others between them, and keeps what the
// dead letters are to say.
type hostileLog struct {
	*testing.T
	broker *kafkatest.Broker
	lines  [][]byte // of the lab, that are to come
	next   int64    // offset
	want   []string
	doomed map[int64]func(batch []byte) // by offset: what befalls a batch on the disk
}

func (l *hostileLog) produce(batch []byte, records int) {
	l.Helper()
	base, err := kafkatest.ProduceRaw(l.T, l.broker.Addr, packetsTopic, 0, batch)
	if err != nil || base != l.next {
		l.Fatalf("at offset %d, not %d: %v", base, l.next, err)
	}
	l.next += int64(records)
}

// good writes the next n records of the lab.
func (l *hostileLog) good(n int) {
	l.Helper()
	take := l.lines[:min(n, len(l.lines))]
	l.lines = l.lines[len(take):]
	l.produce(kafkatest.Batch{Codec: compress.Lz4, Values: take}.Bytes(), len(take))
}

func (l *hostileLog) poison() {
	l.Helper()
	small, large := kafkatest.Poison()
	var records [][]byte
	for i, bad := range append(small, large...) {
		records = append(records, bad.Value)
		text := fmt.Sprintf("%d decode %s", l.next+int64(i), bad.Reason)
		switch size := len(bad.Value); {
		case bad.Reason == "tombstone":
			text = strings.Replace(text, "decode", "fetch", 1)
		case size > 1<<20:
			text = fmt.Sprintf("%d fetch %s cut from %d", l.next+int64(i), bad.Reason, size)
		}
		l.want = append(l.want, text)
	}
	l.produce(kafkatest.Batch{Codec: compress.Gzip, Values: records}.Bytes(), len(records))
}

func (l *hostileLog) bomb() {
	l.Helper()
	bomb := kafkatest.Bomb(1, 1<<30)
	l.Logf("the bomb has %d bytes", len(bomb))
	l.want = append(l.want, fmt.Sprintf("%d fetch too_long cut from %d", l.next, 1<<30))
	l.produce(bomb, 1)
}

// refused holds that a broker unpacks what it is given, and refuses what it cannot:
// what is wrong then is what its disk does later.
func (l *hostileLog) refused() {
	l.Helper()
	for _, batch := range []kafkatest.Batch{
		{Values: l.lines[:2], CRC: 1},
		{Codec: compress.Gzip, Packed: []byte("not gzip"), Count: 2},
		{Values: l.lines[:2], Count: 3},
	} {
		if _, err := kafkatest.ProduceRaw(l.T, l.broker.Addr, packetsTopic, 0, batch.Bytes()); err == nil {
			l.Errorf("the broker took %+v", batch)
		}
	}
}

func (l *hostileLog) doom(reason string, harm func(batch []byte)) {
	l.Helper()
	l.doomed[l.next] = harm
	l.want = append(l.want, fmt.Sprintf("%d fetch %s of 10", l.next, reason))
	l.produce(kafkatest.Batch{Codec: compress.Lz4, Values: slices.Repeat([][]byte{[]byte(`{"lost":1}`)}, 10)}.Bytes(), 10)
}

// Between real records lie hostile ones, a bomb, and batches that went bad on the
// broker's disk. Each is a dead letter; all that was not harmed is labelled as if
// there were none, and nothing is left to be read again.
func TestHostileLog(t *testing.T) {
	broker := kafkatest.Start(t)
	// The batches have old timestamps, by which Kafka would soon delete them.
	settings := map[string]string{"compression.type": "producer", "retention.ms": "-1"}
	for _, topic := range []string{packetsTopic, labelsTopic, packetsTopic + ".dlq"} {
		kafkatest.CreateTopic(t, broker.Addr, topic, 1, settings)
	}
	lab := filepath.Join(repositoryRoot(t), "testdata", "records", "lab.jsonl.zst")
	l := &hostileLog{T: t, broker: broker, lines: recordLines(t, lab), doomed: map[int64]func([]byte){}}
	l.good(500)
	l.poison()
	l.good(500)
	l.bomb()
	l.good(500)
	l.refused()
	l.doom("crc", func(batch []byte) { batch[len(batch)/2] ^= 1 })
	l.good(500)
	l.doom("compression", func(batch []byte) { batch[22] = batch[22]&^7 | byte(compress.Gzip); kafkatest.Seal(batch) })
	l.good(len(l.lines))
	broker.EditLog(packetsTopic, 0, func(base int64, batch []byte) {
		if harm := l.doomed[base]; harm != nil {
			harm(batch)
		}
	})

	m := start(t, binary(t), []string{"SERVEFLOW_BROKERS=" + broker.Addr, "SERVEFLOW_ADMIN=", "SERVEFLOW_COMMIT_EVERY=100ms", "SERVEFLOW_SLOW_QUEUE=100000"}, "run")
	await.Within(t, 2*time.Minute, "all committed", func() bool {
		return kafkatest.CommittedOffsets(t, broker.Addr, "serveflow.service", packetsTopic)[0] == l.next
	})
	stop(t, m)
	sameAsReplayed(t, replayedLabels(t, lab), labelled(t, broker.Addr))
	var got []string
	for _, dead := range kafkatest.ReadAll(t, broker.Addr, packetsTopic+".dlq") {
		got = append(got, letter(dead))
	}
	if !slices.Equal(got, l.want) {
		t.Errorf("dead letters\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(l.want, "\n"))
	}
}
