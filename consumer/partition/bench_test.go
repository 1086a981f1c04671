package partition

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/compress"

	"github.com/serveflow/serveflow/consumer/fetch"
	"github.com/serveflow/serveflow/internal/kafkatest"
	"github.com/serveflow/serveflow/internal/lab"
)

// benchLog is a partition's log as a Fetch response holds it: 4,000 records of 433
// bytes in batches of a thousand.
func benchLog(b *testing.B) (log []byte, records int) {
	var values [][]byte
	for _, line := range lab.Records(b, "lab")[:4000] {
		values = append(values, append(line, bytes.Repeat([]byte(" "), 433)...)[:433])
	}
	for from := 0; from < len(values); from += 1000 {
		batch := kafkatest.Batch{Base: int64(from), Codec: compress.Lz4, Values: values[from : from+1000]}
		log = append(log, batch.Bytes()...)
	}
	return log, len(values)
}

// fetchAnswer is the response of version 10 to a request for the whole log.
func fetchAnswer(correlation uint32, high int64, log []byte) []byte {
	be := binary.BigEndian
	body := be.AppendUint32(nil, correlation)
	body = append(body, make([]byte, 4+2+4)...) // throttle, error, session
	body = be.AppendUint32(body, 1)
	body = append(body, 0, 2, 'i', 'n')
	body = be.AppendUint32(body, 1)
	body = append(body, make([]byte, 4+2)...) // partition, error
	body = be.AppendUint64(body, uint64(high))
	body = be.AppendUint64(body, uint64(high))
	body = append(body, make([]byte, 8)...)
	body = be.AppendUint32(body, ^uint32(0)) // nothing aborted
	body = append(be.AppendUint32(body, uint32(len(log))), log...)
	return append(be.AppendUint32(nil, uint32(len(body))), body...)
}

// leader answers every Fetch with the same log, and says that it speaks version 10.
func leader(b *testing.B, log []byte, records int) net.Conn {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { listener.Close() })
	answer := fetchAnswer(0, int64(records), log)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			var head [12]byte
			if _, err := io.ReadFull(conn, head[:]); err != nil {
				return
			}
			size := binary.BigEndian.Uint32(head[:])
			if _, err := io.CopyN(io.Discard, conn, int64(size)-8); err != nil {
				return
			}
			out := answer
			if api := binary.BigEndian.Uint16(head[4:]); api == 18 {
				out = []byte{0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 10}
			}
			copy(out[4:], head[8:12])
			if _, err := conn.Write(out); err != nil {
				return
			}
		}
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return conn
}

// BenchmarkFetch is what it costs to read records off a connection, beside
// kafka-go's reader of the same bytes: CPU seconds of a million records, with
// what it costs to send them.
func BenchmarkFetch(b *testing.B) {
	log, records := benchLog(b)
	b.Run("ours", func(b *testing.B) {
		conn := leader(b, log, records)
		reader := fetch.NewReader(fetch.Limits{Value: 1 << 20, Excerpt: 1 << 20}, fetch.NewMemory())
		reader.Reset(&deadlineConn{Conn: conn, timeout: time.Minute})
		request := fetch.Request{Version: fetch.New, Topic: "in", MaxBytes: 4 << 20}
		rounds(b, records, func() (n int) {
			if _, err := conn.Write(request.Append(nil)); err != nil {
				b.Fatal(err)
			}
			if _, err := reader.Begin(&request); err != nil {
				b.Fatal(err)
			}
			var rec fetch.Record
			var err error
			for ; err == nil; n++ {
				if err = reader.Next(b.Context(), &rec); err == nil && rec.Err != nil {
					b.Fatal(rec.Err)
				}
			}
			if !errors.Is(err, io.EOF) {
				b.Fatal(err)
			}
			return n - 1
		})
	})
	b.Run("kafka-go", func(b *testing.B) {
		conn := kafka.NewConn(leader(b, log, records), "in", 0)
		buf := make([]byte, 64<<10)
		rounds(b, records, func() (n int) {
			conn.SetReadDeadline(time.Now().Add(time.Minute))
			if _, err := conn.Seek(0, kafka.SeekAbsolute|kafka.SeekDontCheck); err != nil {
				b.Fatal(err)
			}
			batch := conn.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: 4 << 20, MaxWait: time.Second})
			for {
				if _, err := batch.Read(buf); err != nil {
					break
				}
				n++
			}
			if err := batch.Close(); err != nil {
				b.Fatal(err)
			}
			return n
		})
	})
}

func rounds(b *testing.B, records int, round func() int) {
	round() // buffers grow
	b.ReportAllocs()
	b.ResetTimer()
	before, n := cpu(b), 0
	for n < b.N {
		got := round()
		if got != records {
			b.Fatalf("%d records of %d", got, records)
		}
		n += got
	}
	b.ReportMetric((cpu(b)-before)/float64(n)*1e6, "cpu-s/M")
}

// cpu is the process's time on the CPUs so far, in seconds.
func cpu(b *testing.B) float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}
