package doctor

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/brokers"
)

const (
	input          = "serveflow.packets"
	labels         = "serveflow.labels.service"
	deadLetters    = "serveflow.packets.dlq"
	partitionCount = 3 // partitions
)

// configFor returns a config for a cluster.
func configFor(addrs ...string) *Config {
	return &Config{
		Cluster: brokers.Plain("doctor-test", addrs...), Topic: input, Labels: []LabelTopic{{labels, strings.Repeat("ab", 32)}}, DeadLetterTopic: deadLetters, Group: "serveflow",
		Lateness: time.Second, InFlight: 71 * time.Second, Needs: Needs{Depth: 4, Header: []string{"p1_ip_tos", "p1_tcp_mss"}, Fields: []string{"ip_len", "plen", "ttl", "flags", "win"}},
		Sample: 20_000, Timeout: time.Minute,
	}
}

// header holds the header bytes of a TCP packet.
var header, _ = base64.StdEncoding.DecodeString("RQAAPAAAQAAvBl5mwJa7K42O5AUAUOnQpa/OPv4hMjugEjiQLlAAAAIEBbQEAggKL4lCWRZK3SABAwMH")

// perFlow is the number of records of a flow in traffic: four packets and the end.
const perFlow = 5

// traffic returns the records of some flows of the last two minutes, in order. They are
// as the Zeek package writes them and as ship keys them.
func traffic(flows int) []kafka.Message {
	start := time.Now().Add(-2 * time.Minute)
	var all []kafka.Message
	for i := range flows {
		began := start.Add(time.Duration(i) * 2 * time.Minute / time.Duration(flows))
		rec := zeek.Record{
			UID: fmt.Appendf(nil, "CTest%06dabcdef", i), Proto: zeek.TCP, IPLen: 60, PayloadLen: 0, TTL: 47, Flags: 16, Window: 14480, Hdr: header,
			Orig: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), uint16(20000+i)), Resp: netip.MustParseAddrPort("198.51.100.7:443"),
		}
		for n := range perFlow - 1 {
			at := began.Add(time.Duration(n) * 10 * time.Millisecond)
			rec.Kind, rec.N, rec.FromOrig, rec.TS = zeek.Packet, uint32(n+1), n%2 == 0, at.UnixMicro()
			if n >= 2 {
				rec.Flags = 17
			}
			all = append(all, message(&rec, at, zeek.AppendRecord(nil, &rec)))
		}
		end := rec
		end.Kind, end.Sent = zeek.End, perFlow-1
		sum := zeek.Summary{Duration: 0.03, ConnState: "SF", OrigPkts: 2, RespPkts: 2, OrigBytes: zeek.Absent, RespBytes: zeek.Absent}
		all = append(all, message(&end, began.Add(5*time.Second), zeek.AppendEnd(nil, &end, &sum)))
	}
	return all
}

func message(rec *zeek.Record, at time.Time, value []byte) kafka.Message {
	return kafka.Message{Key: append([]byte(nil), rec.UID...), Value: value, Time: at.Add(30 * time.Millisecond)}
}

// balancer is a function that chooses the partition of a message, of n.
type balancer func(m kafka.Message, n int) int

func (b balancer) Balance(m kafka.Message, partitions ...int) int {
	return partitions[b(m, len(partitions))]
}

// write writes messages and returns when the broker has acknowledged all of them.
func write(t testing.TB, addr, topic string, by kafka.Balancer, messages ...kafka.Message) {
	t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	w := &kafka.Writer{Addr: kafka.TCP(addr), Topic: topic, Transport: transport, Balancer: by, RequiredAcks: kafka.RequireAll,
		BatchTimeout: time.Millisecond, BatchSize: 1000, Compression: kafka.Lz4}
	if err := w.WriteMessages(t.Context(), messages...); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// problems returns the ids of faults and warnings.
func problems(r *Report) (ids []string) {
	for _, f := range r.Findings {
		if f.Severity != Info {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// mustFind returns the finding with an id. It fails the test where there is none.
func mustFind(t testing.TB, r *Report, id string) Finding {
	t.Helper()
	for _, f := range r.Findings {
		if f.ID == id {
			return f
		}
	}
	t.Fatalf("no finding %s in:\n%s", id, textOf(t, r))
	return Finding{}
}

func textOf(t testing.TB, r *Report) string {
	t.Helper()
	var text strings.Builder
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// deleteRecords deletes the records of a partition below an offset.
func deleteRecords(t testing.TB, addr, topic string, partition int, below int64) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	w := newConn(t.Context(), conn, "doctor-test", 10*time.Second)
	defer conn.Close()
	if err := w.apiVersions(); err != nil {
		t.Fatal(err)
	}
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Partition, p.Offset = int32(partition), below
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = 10_000
	req.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: topic, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{p}}}
	resp, err := w.ask(req, 1)
	if err != nil {
		t.Fatal(err)
	}
	if code := resp.(*kmsg.DeleteRecordsResponse).Topics[0].Partitions[0].ErrorCode; code != 0 {
		t.Fatal(kafka.Error(code))
	}
}
