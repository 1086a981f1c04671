package partition

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/compress"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/consumer/fetch"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// fakeLeader is the leader's end of a fetcher's connection.
type fakeLeader struct {
	t    *testing.T
	conn net.Conn
}

// pipedFetcher builds a fetcher of partition 3 of topic in, connected to a fake leader by
// a pipe: in a bubble of synctest, its deadlines pass in no time.
func pipedFetcher(t *testing.T, cfg *Config) (*fetcher, *fakeLeader) {
	cfg.Topic, cfg.Cluster, cfg.Limits = "in", brokers.Plain("test", "nowhere:1"), fetch.Limits{Value: 1 << 20, Excerpt: 1 << 20}
	near, far := net.Pipe()
	f := newFetcher(cfg, 3, fetch.NewMemory())
	f.conn, f.unwatch = &deadlineConn{Conn: near, timeout: cfg.MaxWait + exchangeTimeout}, func() bool { return true }
	f.reader.Reset(f.conn)
	f.request.Version, f.request.MaxBytes = fetch.New, leastFetchBytes
	t.Cleanup(func() {
		f.close()
		far.Close()
	})
	return f, &fakeLeader{t, far}
}

// request reads a Fetch request.
func (l *fakeLeader) request() (req *kmsg.FetchRequest, correlation uint32) {
	size := make([]byte, 4)
	if _, err := io.ReadFull(l.conn, size); err != nil {
		l.t.Error(err)
		return nil, 0
	}
	frame := make([]byte, binary.BigEndian.Uint32(size))
	if _, err := io.ReadFull(l.conn, frame); err != nil {
		l.t.Error(err)
		return nil, 0
	}
	req = kmsg.NewPtrFetchRequest()
	req.Version = int16(binary.BigEndian.Uint16(frame[2:]))
	correlation = binary.BigEndian.Uint32(frame[4:])
	client := int(binary.BigEndian.Uint16(frame[8:]))
	if err := req.ReadFrom(frame[10+client:]); err != nil || binary.BigEndian.Uint16(frame) != fetch.API {
		l.t.Errorf("a request of API %d: %v", binary.BigEndian.Uint16(frame), err)
	}
	return req, correlation
}

// answer is the response to a Fetch request: an error code, or batches and the offset
// behind the partition's last record.
type answer struct {
	code int16
	high int64
	log  []byte
}

func (a answer) bytes(correlation uint32) []byte {
	p := kmsg.NewFetchResponseTopicPartition()
	p.Partition, p.ErrorCode, p.HighWatermark, p.RecordBatches = 3, a.code, a.high, a.log
	resp := kmsg.NewPtrFetchResponse()
	resp.Version = fetch.New
	resp.Topics = []kmsg.FetchResponseTopic{{Topic: "in", Partitions: []kmsg.FetchResponseTopicPartition{p}}}
	body := resp.AppendTo(binary.BigEndian.AppendUint32(nil, correlation))
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// serve answers one request after some time; between the first half of the answer and the
// second half, more time passes.
func (l *fakeLeader) serve(a answer, before, within time.Duration) {
	_, correlation := l.request()
	out := a.bytes(correlation)
	time.Sleep(before)
	l.write(out[:len(out)/2])
	time.Sleep(within)
	l.write(out[len(out)/2:])
}

func (l *fakeLeader) write(b []byte) {
	if _, err := l.conn.Write(b); err != nil {
		l.t.Error(err)
	}
}

// batch is a batch of records as they lie in the log.
func batch(base int64, values ...string) []byte {
	b := kafkatest.Batch{Base: base, Codec: compress.Lz4}
	for _, v := range values {
		b.Values = append(b.Values, []byte(v))
	}
	return b.Bytes()
}
