package throughput

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// preload writes the records, copy by copy: each copy's uids and sensor are its own. They are said to have been written
// over an hour, until a minute ago: what is labelled is a backlog, and no load that grows. It gives the number of flows and
// records.
func preload(t *testing.T, addr, topic string, lines [][]byte, copies int) (flows, n int) {
	t.Helper()
	w := &kafka.Writer{Addr: kafka.TCP(addr), Topic: topic, Transport: &kafka.Transport{}, // which does not know the topics of before
		RequiredAcks: kafka.RequireAll, // without an answer a write may come behind the next one
		Balancer:     kafka.Murmur2Balancer{}, Compression: kafka.Lz4, BatchSize: 10_000, BatchTimeout: time.Millisecond}
	uids, until, total := map[string]bool{}, time.Now().Add(-time.Minute), time.Duration(copies*len(lines))
	for c := range copies {
		var batch []kafka.Message
		flush := func() {
			if err := w.WriteMessages(t.Context(), batch...); err != nil {
				t.Fatal(err)
			}
			n, batch = n+len(batch), nil
		}
		for _, line := range lines {
			before, rest, ok := bytes.Cut(line, []byte(`"uid":"`))
			uid, after, closed := bytes.Cut(rest, []byte(`"`))
			if !ok || !closed {
				t.Fatalf("a record without a uid: %s", line)
			}
			own := fmt.Sprintf("%s-%d", uid, c)
			if bytes.HasPrefix(line, []byte(`{"ev":"pkt"`)) {
				uids[own] = true
			}
			left := total - time.Duration(n+len(batch))
			batch = append(batch, kafka.Message{Key: []byte(own), Time: until.Add(-time.Hour / total * left), Value: fmt.Appendf(nil, `%s"sensor":"s%d","uid":"%s"%s`, before, c, own, after)})
			if len(batch) == 20_000 {
				flush()
			}
		}
		flush()
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return len(uids), n
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
