package faults

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/lab"
	"github.com/serveflow/serveflow/internal/needs"
)

const (
	loadBatch   = 2000 // records in one request
	loadWriters = 2
)

// loadUIDs numbers the uids of all loads, so that none is used twice.
var loadUIDs atomic.Int64

// load describes many copies of one record.
type load struct {
	record        zeek.Record   // its TS is the first copy's
	step          time.Duration // record time between two copies
	recordsPerUID int
}

// firstPacket returns the first packet of a flow of the lab, with the time of now. decided:
// the first packet decides the flow; otherwise the flow waits for more.
func firstPacket(t *testing.T, h *harness, decided bool) zeek.Record {
	t.Helper()
	for _, tpl := range h.templates {
		rec := tpl.records[0].rec
		fits := tpl.want.Packets > 1
		if decided {
			fits = tpl.want.Stage == "first"
		}
		if rec.Kind == zeek.Packet && rec.N == 1 && fits {
			rec.TS = time.Now().UnixMicro()
			return rec
		}
	}
	t.Fatal("the lab has no such flow")
	return zeek.Record{}
}

// sendLoad writes n records to all partitions, as fast as possible. Each is a copy of one
// text, with its own uid and time.
func (h *harness) sendLoad(t *testing.T, n int, ld load) {
	t.Helper()
	first := loadUIDs.Add(int64(n)) - int64(n)
	var group errgroup.Group
	group.SetLimit(loadWriters)
	for from := 0; from < n; from += loadBatch {
		batch, partition := min(loadBatch, n-from), (int(first)+from)/loadBatch%h.cfg.partitions
		group.Go(func() error {
			h.produce(t, partition, ld.records(first, from, batch))
			return nil
		})
	}
	group.Wait()
}

func (p load) records(first int64, from, n int) []kafka.Record {
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
		uid := first + int64((from+i)/p.recordsPerUID)
		copy(value[uidAt:], fmt.Sprintf("X%016d", uid))
		ts := rec.TS + p.step.Microseconds()*int64(from+i)
		copy(value[tsAt:tsAt+tsLen], strconv.FormatInt(ts/1e6, 10)+fmt.Sprintf(".%06d", ts%1e6))
		all[i] = kafka.Record{Key: kafka.NewBytes(value[uidAt : uidAt+len(blank)]), Value: kafka.NewBytes(value)}
	}
	return all
}

// sendLines writes recorded lines, keyed by uid. It adds a sensor to each, because their
// record time differs from the other traffic's. It returns the uids of the flows.
func (h *harness) sendLines(t *testing.T, lines []byte, sensor string) map[string]bool {
	t.Helper()
	flows := map[string]bool{}
	waiting := make([][]kafka.Record, h.cfg.partitions)
	ids := make([]int, h.cfg.partitions)
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
		if waiting[p] = append(waiting[p], kafka.Record{Key: kafka.NewBytes(key), Value: kafka.NewBytes(line)}); len(waiting[p]) == loadBatch {
			h.produce(t, p, waiting[p])
			waiting[p] = nil
		}
	}
	for p, rest := range waiting {
		if len(rest) > 0 {
			h.produce(t, p, rest)
		}
	}
	return flows
}

// sharedRecords reads a file of real records in ../shared/data. Where it is not there,
// the rows with the product's own records stand for it.
func sharedRecords(t *testing.T, name string) []byte {
	t.Helper()
	return readCompressed(t, needs.SharedData(t, name))
}

// readCompressed reads a zstd file.
func readCompressed(t *testing.T, path string) []byte {
	t.Helper()
	lines, err := io.ReadAll(lab.Unpack(t, path))
	if err != nil {
		t.Fatal(err)
	}
	return lines
}
