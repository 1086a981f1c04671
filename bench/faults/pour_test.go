package faults

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"github.com/serveflow/serveflow/flow/zeek"
)

const (
	pourBatch   = 2000 // records of one request
	pourWriters = 2
)

// poured numbers the uids of all that is poured: none comes twice.
var poured atomic.Int64

// pouring is a flood of one record over and over.
type pouring struct {
	record zeek.Record   // its TS is that of the first
	step   time.Duration // record time between two
	every  int           // how many records share a uid
}

// firstPacket is the first packet of a flow of the lab, now: one that its first
// packet decides, or one that waits for its second.
func firstPacket(t *testing.T, s *scene, decided bool) zeek.Record {
	t.Helper()
	for _, f := range s.templates {
		rec := f.records[0].rec
		if rec.Kind == zeek.Packet && rec.N == 1 && (f.want.Stage == "first") == decided {
			rec.TS = time.Now().UnixMicro()
			return rec
		}
	}
	t.Fatal("the lab has no such flow")
	return zeek.Record{}
}

// pour writes n records over the scene's partitions, as fast as they go. Each is made
// from one text in which the uid and the time are written over.
func (c *scene) pour(t *testing.T, n int, p pouring) {
	t.Helper()
	first := poured.Add(int64(n)) - int64(n)
	var group errgroup.Group
	group.SetLimit(pourWriters)
	for from := 0; from < n; from += pourBatch {
		batch, partition := min(pourBatch, n-from), (int(first)+from)/pourBatch%c.partitions
		group.Go(func() error {
			c.produceAll(t, partition, p.records(first, from, batch))
			return nil
		})
	}
	group.Wait()
}

func (p pouring) records(first int64, from, n int) []kafka.Record {
	const blank = "X0000000000000000"
	rec := p.record
	rec.UID = []byte(blank)
	text := zeek.AppendRecord(nil, &rec)
	uidAt := bytes.Index(text, rec.UID)
	tsAt := bytes.Index(text, []byte(`"ts":`)) + len(`"ts":`)
	tsLen := bytes.IndexAny(text[tsAt:], ",}")
	all := make([]kafka.Record, n)
	for i := range all {
		value := bytes.Clone(text)
		uid := first + int64((from+i)/p.every)
		copy(value[uidAt:], fmt.Sprintf("X%016d", uid))
		ts := rec.TS + p.step.Microseconds()*int64(from+i)
		copy(value[tsAt:tsAt+tsLen], strconv.FormatInt(ts/1e6, 10)+fmt.Sprintf(".%06d", ts%1e6))
		all[i] = kafka.Record{Key: kafka.NewBytes(value[uidAt : uidAt+len(blank)]), Value: kafka.NewBytes(value)}
	}
	return all
}

// pourLines writes records keyed by uid, as those of a sensor, which they do not name:
// what was recorded has another time. It gives the uids of those that open a flow.
func (c *scene) pourLines(t *testing.T, lines []byte, sensor string) map[string]bool {
	t.Helper()
	flows := map[string]bool{}
	waiting := make([][]kafka.Record, c.partitions)
	ids := make([]int, c.partitions)
	for i := range ids {
		ids[i] = i
	}
	var decoder zeek.Decoder
	for line := range bytes.Lines(lines) {
		var rec zeek.Record
		line = bytes.TrimSpace(line)
		if err := decoder.Decode(line, &rec); err != nil {
			t.Fatal(err)
		}
		if rec.Kind == zeek.Packet {
			flows[string(rec.UID)] = true
		}
		line = append(fmt.Appendf(nil, `{"sensor":%q,`, sensor), line[1:]...)
		key := bytes.Clone(rec.UID)
		p := kafka.Murmur2Balancer{}.Balance(kafka.Message{Key: key}, ids...)
		if waiting[p] = append(waiting[p], kafka.Record{Key: kafka.NewBytes(key), Value: kafka.NewBytes(line)}); len(waiting[p]) == pourBatch {
			c.produceAll(t, p, waiting[p])
			waiting[p] = nil
		}
	}
	for p, rest := range waiting {
		if len(rest) > 0 {
			c.produceAll(t, p, rest)
		}
	}
	return flows
}

// sharedLines reads a file of real records that is not part of the repository.
func sharedLines(t *testing.T, path string) []byte {
	t.Helper()
	if _, err := os.Stat(repository + "/" + path); os.IsNotExist(err) && os.Getenv("TESTS_MUST_NOT_SKIP") == "" {
		t.Skipf("%s is not here: the rows with the product's own records stand for it", path)
	}
	return unpacked(t, path)
}

// unpacked reads a packed file, named from the repository's root.
func unpacked(t *testing.T, path string) []byte {
	t.Helper()
	file, err := os.Open(repository + "/" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	plain, err := zstd.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	var lines bytes.Buffer
	if _, err := lines.ReadFrom(plain); err != nil {
		t.Fatal(err)
	}
	return lines.Bytes()
}
