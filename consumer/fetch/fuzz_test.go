package fetch

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/segmentio/kafka-go/compress"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// FuzzReader reads any bytes as a response. It must end, hand over nothing that
// was not asked for, and go forward.
func FuzzReader(f *testing.F) {
	q := Request{Version: New, Correlation: 7, Topic: "in", Partition: 3, Offset: 5}
	for _, codec := range codecs {
		batch := kafkatest.Batch{Base: 4, Codec: codec, Values: append(values("a", "bb", ""), nil)}
		f.Add(answer(&q, 1000, append(batch.Bytes(), good(8, "c")...)))
	}
	f.Add(answer(&q, 1000, kafkatest.Batch{Base: 5, Values: values("a"), CRC: 1}.Bytes()))
	f.Add(answer(&q, 1000, kafkatest.Batch{Base: 5, Values: values("a"), Format: 1}.Bytes()))
	f.Add(brokersResponse(f))
	f.Fuzz(func(t *testing.T, response []byte) {
		r := NewReader(Limits{Value: 4 << 10, Excerpt: 1 << 10}, NewMemory())
		r.Reset(bytes.NewReader(response))
		for range 2 { // a reader is of use for more than one
			if _, err := r.Begin(&q); err != nil {
				return
			}
			walk(t, r, q.Offset)
		}
	})
}

// FuzzBatch reads a batch whose head and checksum are right. Whatever is packed
// in it, the batch behind it is read.
func FuzzBatch(f *testing.F) {
	records := kafkatest.AppendRecord(kafkatest.AppendRecord(nil, 0, []byte("a")), 1, nil)
	records = kafkatest.AppendRecord(records, 2, make([]byte, 70_000))
	for _, codec := range codecs {
		f.Add(byte(codec), int32(3), kafkatest.Pack(codec, records))
	}
	f.Add(byte(compress.Snappy), int32(3), append(append([]byte{}, xerialMagic...), make([]byte, 20)...))
	f.Fuzz(func(t *testing.T, codec byte, count int32, packed []byte) {
		if count < 1 || count > 1000 {
			return
		}
		q := &Request{Version: New, Topic: "in"}
		batch := kafkatest.Batch{Codec: compress.Compression(codec & 7), Packed: append([]byte{}, packed...), Count: count}
		r := NewReader(Limits{Value: 4 << 10, Excerpt: 1 << 10}, NewMemory())
		r.Reset(bytes.NewReader(answer(q, 2000, append(batch.Bytes(), good(int64(count), "behind")...))))
		if _, err := r.Begin(q); err != nil {
			t.Fatal(err)
		}
		last := walk(t, r, 0)
		if last.Offset != int64(count) || string(last.Value) != "behind" || r.Offset() != int64(count)+1 {
			t.Fatalf("the last is %+v", last)
		}
	})
}

// walk reads a response to its end and gives a copy of the last record.
func walk(t *testing.T, r *Reader, from int64) (last Record) {
	next := from
	for {
		var rec Record
		if err := r.Next(context.Background(), &rec); err != nil {
			return last
		}
		switch {
		case rec.Offset < next || rec.Last < rec.Offset || r.Offset() <= rec.Last:
			t.Fatalf("%d to %d, where %d is next and %d behind it", rec.Offset, rec.Last, next, r.Offset())
		case len(rec.Value) > rec.Size || rec.Err == nil && len(rec.Value) < rec.Size:
			t.Fatalf("%d bytes of %d: %v", len(rec.Value), rec.Size, rec.Err)
		case rec.Err == nil && rec.Size > 4<<10, rec.Err != nil && len(rec.Value) > 4<<10:
			t.Fatalf("%d bytes: %v", len(rec.Value), rec.Err)
		}
		next, last = rec.Last+1, rec
		last.Value = bytes.Clone(rec.Value)
	}
}

// brokersResponse is what a real broker answered; testdata says which.
func brokersResponse(t testing.TB) []byte {
	t.Helper()
	response, err := os.ReadFile(filepath.Join("testdata", "kafka-4.3.1.fetch"))
	if err != nil {
		t.Fatal(err)
	}
	return response
}
