package sink

import (
	"fmt"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// Final labels of a task that were written after a time are found in every partition, whatever
// lies between them.
func TestWrittenSince(t *testing.T) {
	noon := time.Now().Add(-time.Hour).Truncate(time.Second)
	for broker, start := range map[string]func() string{
		"kfake": func() string { addr, _ := kafkatest.Fake(t, kfake.SeedTopics(3, "labels")); return addr },
		"kafka": func() string {
			addr := kafkatest.Start(t).Addr
			kafkatest.CreateTopic(t, addr, "labels", 3, nil)
			return addr
		},
	} {
		t.Run(broker, func(t *testing.T) {
			addr := start()
			transport := &kafka.Transport{}
			defer transport.CloseIdleConnections()
			w := &kafka.Writer{Addr: kafka.TCP(addr), Transport: transport, Topic: "labels", BatchTimeout: time.Millisecond, Compression: kafka.Lz4, RequiredAcks: kafka.RequireAll}
			defer w.Close()
			label := func(uid, task string, final bool, at time.Time) kafka.Message {
				return kafka.Message{Key: []byte(uid), Time: at, Value: fmt.Appendf(nil, `{"uid":%q,"task":%q,"final":%t}`, uid, task, final)}
			}
			messages := []kafka.Message{{Key: []byte("x"), Time: noon.Add(-5 * time.Hour), Value: []byte("no label")}, {Key: []byte("x"), Time: noon.Add(-5 * time.Hour)}}
			for i := range 300 {
				at := noon.Add(time.Duration(i-250) * writtenMargin)
				messages = append(messages, label(fmt.Sprint("f", i), "service", true, at),
					label(fmt.Sprint("p", i), "service", false, at), label(fmt.Sprint("o", i), "device", true, at))
			}
			for i := 0; i < len(messages); i += 50 { // in several batches
				if err := w.WriteMessages(t.Context(), messages[i:min(i+50, len(messages))]...); err != nil {
					t.Fatal(err)
				}
			}
			written, err := WrittenSince(t.Context(), brokers.Plain("test", addr), "labels", "service", noon)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 300 {
				if has := written.Has(fmt.Sprint("f", i)); !has && i >= 249 || has && i < 150 || written.Has(fmt.Sprint("p", i)) || written.Has(fmt.Sprint("o", i)) {
					t.Errorf("label %d is there: %t", i, has)
				}
			}
			if later, err := WrittenSince(t.Context(), brokers.Plain("test", addr), "labels", "service", noon.Add(1000*time.Hour)); err != nil || later.Len() != 0 {
				t.Errorf("%d after the last: %v", later.Len(), err)
			}
			if _, err := WrittenSince(t.Context(), brokers.Plain("test", addr), "none", "service", noon); err == nil {
				t.Error("no topic, and no error")
			}
		})
	}
}
