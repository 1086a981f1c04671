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

// Between real records lie hostile ones, a bomb, and batches that went bad on the
// broker's disk. Each is a dead letter; all that was not harmed is labelled as if
// there were none, and nothing is left to be read again.
func TestHostileLog(t *testing.T) {
	broker := kafkatest.Start(t)
	for _, topic := range []string{packetsTopic, labelsTopic, packetsTopic + ".dlq"} {
		kafkatest.CreateTopic(t, broker.Addr, topic, 1, map[string]string{"compression.type": "producer"})
	}
	lab := filepath.Join(repositoryRoot(t), "testdata", "records", "lab.jsonl.zst")
	lines := recordLines(t, lab)
	var next int64
	var want []string
	produce := func(batch []byte, records int) {
		t.Helper()
		base, err := kafkatest.ProduceRaw(t, broker.Addr, packetsTopic, 0, batch)
		if err != nil || base != next {
			t.Fatalf("at offset %d, not %d: %v", base, next, err)
		}
		next += int64(records)
	}
	chunk := func(n int) {
		take := lines[:min(n, len(lines))]
		lines = lines[len(take):]
		produce(kafkatest.Batch{Codec: compress.Lz4, Values: take}.Bytes(), len(take))
	}

	chunk(500)
	small, large := kafkatest.Poison()
	var records [][]byte
	for i, bad := range append(small, large...) {
		records = append(records, bad.Value)
		text := fmt.Sprintf("%d decode %s", next+int64(i), bad.Reason)
		switch size := len(bad.Value); {
		case bad.Reason == "tombstone":
			text = strings.Replace(text, "decode", "fetch", 1)
		case size > 1<<20:
			text = fmt.Sprintf("%d fetch %s cut from %d", next+int64(i), bad.Reason, size)
		}
		want = append(want, text)
	}
	produce(kafkatest.Batch{Codec: compress.Gzip, Values: records}.Bytes(), len(records))
	chunk(500)
	bomb := kafkatest.Bomb(1, 1<<30)
	t.Logf("the bomb has %d bytes", len(bomb))
	want = append(want, fmt.Sprintf("%d fetch too_long cut from %d", next, 1<<30))
	produce(bomb, 1)
	chunk(500)

	// A broker unpacks what it is given, and refuses what it cannot; what it cannot
	// see is what its disk does later.
	for _, refused := range []kafkatest.Batch{
		{Values: lines[:2], CRC: 1},
		{Codec: compress.Gzip, Packed: []byte("not gzip"), Count: 2},
		{Values: lines[:2], Count: 3},
	} {
		if _, err := kafkatest.ProduceRaw(t, broker.Addr, packetsTopic, 0, refused.Bytes()); err == nil {
			t.Errorf("the broker took %+v", refused)
		}
	}
	doomed := map[int64]func(batch []byte){}
	for reason, harm := range map[string]func(batch []byte){
		"crc":         func(batch []byte) { batch[len(batch)/2] ^= 1 },
		"compression": func(batch []byte) { batch[22] = batch[22]&^7 | byte(compress.Gzip); kafkatest.Seal(batch) },
	} {
		doomed[next] = harm
		want = append(want, fmt.Sprintf("%d fetch %s of 10", next, reason))
		produce(kafkatest.Batch{Codec: compress.Lz4, Values: slices.Repeat([][]byte{[]byte(`{"lost":1}`)}, 10)}.Bytes(), 10)
		chunk(500)
	}
	chunk(len(lines))
	broker.EditLog(packetsTopic, 0, func(base int64, batch []byte) {
		if harm := doomed[base]; harm != nil {
			harm(batch)
		}
	})

	m := start(t, binary(t), []string{"SERVEFLOW_BROKERS=" + broker.Addr, "SERVEFLOW_ADMIN=", "SERVEFLOW_COMMIT_EVERY=100ms", "SERVEFLOW_SLOW_QUEUE=100000"}, "run")
	within(t, 2*time.Minute, "all committed", func() bool {
		return kafkatest.CommittedOffsets(t, broker.Addr, "serveflow", packetsTopic)[0] == next
	})
	stop(t, m)
	sameAsReplayed(t, replayedLabels(t, lab), labelled(t, broker.Addr))
	var got []string
	for _, dead := range kafkatest.ReadAll(t, broker.Addr, packetsTopic+".dlq") {
		got = append(got, letter(dead))
	}
	if !slices.Equal(got, want) {
		t.Errorf("dead letters\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
