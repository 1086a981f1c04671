package partition

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// newWriter is a writer with connections of its own: nobody closes those of the process.
func newWriter(t *testing.T, addr string) *kafka.Writer {
	transport := &kafka.Transport{}
	w := &kafka.Writer{Addr: kafka.TCP(addr), Topic: "in", BatchTimeout: time.Millisecond, RequiredAcks: kafka.RequireAll, Transport: transport}
	t.Cleanup(func() {
		w.Close()
		transport.CloseIdleConnections()
	})
	return w
}

// sendAt writes records with the times at which they were written, one after the
// other, so that each is a batch of its own.
func sendAt(t *testing.T, addr string, at ...time.Time) {
	t.Helper()
	if len(at) == 0 {
		return
	}
	w := newWriter(t, addr)
	w.BatchSize = 1
	for i, when := range at {
		if err := w.WriteMessages(context.Background(), kafka.Message{Value: fmt.Append(nil, i), Time: when}); err != nil {
			t.Fatal(err)
		}
	}
}

// What is read back is bounded by when it was written, as the memory of finished
// flows is; a producer's wild time does not make it less.
func TestReadBackIsBoundedByTime(t *testing.T) {
	starts := map[string]func(*testing.T) string{
		"kafka": func(t *testing.T) string {
			addr := kafkatest.Start(t).Addr
			kafkatest.CreateTopic(t, addr, "in", 1, map[string]string{"message.timestamp.after.max.ms": "9223372036854775807"})
			return addr
		},
		"kfake": func(t *testing.T) string {
			addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, "in"))
			return addr
		},
	}
	for name, start := range starts {
		t.Run(name, func(t *testing.T) {
			addr := start(t)
			now := time.Now()
			sendAt(t, addr, now.Add(-time.Hour), now.Add(-5*time.Minute), now.Add(-4*time.Minute), now.AddDate(1, 0, 0))
			client, done := brokers.Plain("test", addr).Client()
			defer done()
			for low, want := range map[int64]int64{3: 1, 2: 1, 1: 0, 4: 1} {
				if got, err := writtenSince(t.Context(), client, "in", 0, low, 6*time.Minute); err != nil || got != want {
					t.Errorf("below %d it begins at %d, want %d: %v", low, got, want, err)
				}
			}
		})
	}
}

// A record's own time counts, not that of its batch; a time to come is none.
func TestWrittenAt(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, "in"))
	now := time.Now().Truncate(time.Millisecond)
	w := newWriter(t, addr)
	var batch []kafka.Message
	for _, age := range []time.Duration{time.Hour, time.Minute, time.Second, -time.Hour} {
		batch = append(batch, kafka.Message{Value: []byte("x"), Time: now.Add(-age)})
	}
	if err := w.WriteMessages(t.Context(), batch...); err != nil {
		t.Fatal(err)
	}
	client, done := brokers.Plain("test", addr).Client()
	defer done()
	for offset, want := range []time.Time{now.Add(-time.Hour), now.Add(-time.Minute), now.Add(-time.Second)} {
		if got, err := writtenAt(t.Context(), client, "in", 0, int64(offset)); err != nil || !got.Equal(want) {
			t.Errorf("record %d was written at %v, want %v: %v", offset, got, want, err)
		}
	}
	for _, offset := range []int64{3, 4} {
		if got, err := writtenAt(t.Context(), client, "in", 0, offset); err != nil || got.Before(now) || got.After(time.Now()) {
			t.Errorf("record %d was written at %v, want the present: %v", offset, got, err)
		}
	}
}

// The look-up of an offset by time may give any offset, or fail.
func TestWrittenSinceAnswers(t *testing.T) {
	type partition = kmsg.ListOffsetsResponseTopicPartition
	for name, test := range map[string]struct {
		answer *partition // nil: the connection breaks
		want   int64
		err    string
	}{
		"the first record":    {&partition{Offset: 0}, 0, ""},
		"a later one":         {&partition{Offset: 1}, 1, ""},
		"one behind the last": {&partition{Offset: 50}, 2, ""},
		"none":                {&partition{Offset: -1}, 2, ""},
		"an error":            {&partition{Offset: 1, ErrorCode: int16(kafka.TopicAuthorizationFailed)}, 0, "consumer: look up an offset of in/0 by time: [29] "},
		"no answer":           {nil, 0, "consumer: look up an offset of in/0 by time: "},
	} {
		t.Run(name, func(t *testing.T) {
			addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(1, "in"))
			sendAt(t, addr, now(2)...)
			cluster.ControlKey(int16(kmsg.ListOffsets), func(req kmsg.Request) (kmsg.Response, error, bool) {
				cluster.KeepControl()
				if test.answer == nil {
					return nil, errors.New("the connection breaks"), true
				}
				resp := req.ResponseKind().(*kmsg.ListOffsetsResponse)
				resp.Topics = []kmsg.ListOffsetsResponseTopic{{Topic: "in", Partitions: []partition{*test.answer}}}
				return resp, nil, true
			})
			client, done := brokers.Plain("test", addr).Client()
			defer done()
			got, err := writtenSince(t.Context(), client, "in", 0, 2, time.Hour)
			if got != test.want || (err != nil) != (test.err != "") || !strings.HasPrefix(text(err), test.err) {
				t.Errorf("%d, %v; want %d, %s", got, err, test.want, test.err)
			}
		})
	}
}

// Where the last record's own time cannot be read, nothing is looked up.
func TestWrittenSinceWithoutARecord(t *testing.T) {
	addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(1, "in"))
	sendAt(t, addr, now(2)...)
	client, done := brokers.Plain("test", addr).Client()
	defer done()
	const want = "consumer: ask when offset 4 of in/0 was written: "
	if _, err := writtenSince(t.Context(), client, "in", 0, 5, time.Hour); !errors.Is(err, kafka.OffsetOutOfRange) || !strings.HasPrefix(text(err), want) {
		t.Errorf("past the log's end: %v", err)
	}
	cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		return nil, errors.New("the connection breaks"), true
	})
	if _, err := writtenSince(t.Context(), client, "in", 0, 2, time.Hour); !strings.HasPrefix(text(err), "consumer: ask when offset 1 of in/0 was written: ") {
		t.Errorf("the connection breaks: %v", err)
	}
}
