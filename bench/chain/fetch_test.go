package chain

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"time"

	"github.com/segmentio/kafka-go/compress"

	"github.com/serveflow/serveflow/consumer/fetch"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// responses are Fetch responses, one a partition, with all that a topic has: bytes that the product's reader takes for
// what comes off a connection.
func (b *bench) responses(topic string) (all [][]byte) {
	b.t.Helper()
	files, _ := b.logs(topic)
	for _, file := range files {
		log, err := os.ReadFile(file)
		if err != nil {
			b.t.Fatal(err)
		}
		all = append(all, response(log))
	}
	return all
}

// response is that of version 10, with a partition's log.
func response(log []byte) []byte {
	be := binary.BigEndian
	body := make([]byte, 4+4+2+4) // correlation, throttle, error, session
	body = be.AppendUint32(body, 1)
	body = append(body, 0, 2, 'i', 'n')
	body = be.AppendUint32(body, 1)
	body = append(body, make([]byte, 4+2)...) // partition, error
	body = be.AppendUint64(body, 1<<40)       // high watermark
	body = be.AppendUint64(body, 1<<40)
	body = append(body, make([]byte, 8)...)
	body = be.AppendUint32(body, ^uint32(0)) // nothing aborted
	body = append(be.AppendUint32(body, uint32(len(log))), log...)
	return append(be.AppendUint32(nil, uint32(len(body))), body...)
}

// fetch reads what responses hold by the product's reader, which unpacks it. It gives the CPU time and the records.
func (b *bench) fetch(responses [][]byte) (took time.Duration, n int) {
	b.t.Helper()
	before := settled(b.t)
	reader := fetch.NewReader(fetch.Limits{Value: zeek.MaxRecord, Excerpt: zeek.MaxRecord}, fetch.NewMemory())
	request := fetch.Request{Version: fetch.New, Topic: "in", MaxBytes: 4 << 20}
	var rec fetch.Record
	for _, r := range responses {
		reader.Reset(bytes.NewReader(r))
		_, err := reader.Begin(&request)
		for err == nil {
			if err = reader.Next(b.t.Context(), &rec); err == nil {
				n++
			}
			if rec.Err != nil {
				b.t.Fatal(rec.Err)
			}
		}
		if !errors.Is(err, io.EOF) {
			b.t.Fatal(err)
		}
	}
	return mine(b.t) - before, n
}

// decode is the CPU time of decoding messages.
func (b *bench) decode(f form, messages *store) time.Duration {
	b.t.Helper()
	var d decoder
	before, n := settled(b.t), 0
	for i := range messages.len() {
		if err := d.decode(f, messages.at(i).value, func(*zeek.Record) { n++ }); err != nil {
			b.t.Fatalf("%s: %v", f.name, err)
		}
	}
	if n != b.one {
		b.t.Fatalf("%s: %d records, want %d", f.name, n, b.one)
	}
	return mine(b.t) - before
}

// packed is the bytes of messages in batches of about so many bytes, compressed.
func packed(messages *store, codec compress.Compression, size int) (n int) {
	var batch []byte
	for i := range messages.len() {
		m := messages.at(i)
		batch = binary.AppendVarint(batch, int64(len(m.key)+len(m.value)+7))
		batch = binary.AppendVarint(append(batch, 0, 0), int64(i%1000)) // attributes, time, offset
		batch = append(binary.AppendVarint(batch, int64(len(m.key))), m.key...)
		batch = append(binary.AppendVarint(batch, int64(len(m.value))), m.value...)
		batch = append(batch, 0) // headers
		if len(batch) >= size || i == messages.len()-1 {
			n += len(kafkatest.Pack(codec, batch))
			batch = batch[:0]
		}
	}
	return n
}
