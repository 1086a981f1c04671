package fetch

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

var update = flag.Bool("update", false, "rewrite the broker's response in testdata")

// What a real broker answers is read, in both versions of the request.
func TestRealBroker(t *testing.T) {
	broker := kafkatest.Start(t)
	kafkatest.CreateTopic(t, broker.Addr, "in", 4, map[string]string{"compression.type": "producer"})
	var want []string
	for i, codec := range codecs {
		batch := kafkatest.Batch{Codec: codec, Values: values("a", "b", "c")}
		if _, err := kafkatest.ProduceRaw(t, broker.Addr, "in", 3, batch.Bytes()); err != nil {
			t.Fatal(err)
		}
		for j, value := range []string{"a", "b", "c"} {
			want = append(want, show(&Record{Offset: int64(3*i + j), Last: int64(3*i + j), Value: []byte(value)}))
		}
	}
	for _, version := range []int16{Old, New} {
		q := Request{Version: version, Correlation: 7, ClientID: "test", Topic: "in", Partition: 3, Offset: 5,
			MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 1000}
		response := exchange(t, broker.Addr, q.Append(nil))
		r := NewReader(limits, NewMemory())
		r.Reset(bytes.NewReader(response))
		res, err := r.Begin(&q)
		if err != nil || res.Error != 0 || res.High != 15 {
			t.Fatalf("%+v, %v", res, err)
		}
		var got []string
		for rec := (Record{}); ; {
			if err := r.Next(context.Background(), &rec); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			got = append(got, show(&rec))
		}
		expect(t, "Kafka's response", got, want[5:]...)
		if *update && version == New {
			if err := os.WriteFile(filepath.Join("testdata", "kafka-4.3.1.fetch"), response, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// exchange gives the whole response to a request.
func exchange(t *testing.T, addr string, request []byte) []byte {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := conn.Write(request); err != nil {
		t.Fatal(err)
	}
	size := make([]byte, 4)
	if _, err := io.ReadFull(conn, size); err != nil {
		t.Fatal(err)
	}
	response := make([]byte, binary.BigEndian.Uint32(size))
	if _, err := io.ReadFull(conn, response); err != nil {
		t.Fatal(err)
	}
	return append(size, response...)
}
