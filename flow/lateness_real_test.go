package flow

import (
	"bufio"
	"hash/fnv"
	"path/filepath"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/lab"
	"github.com/serveflow/serveflow/internal/needs"
)

// One Zeek writes its records in order, and so they are on each of any number of partitions:
// SERVEFLOW_LATENESS is for what comes after. The test takes the lab's records and one file of
// ../shared/data; all of them, 800,000 packet records, if no test may be skipped.
func TestRecordsOfOneZeekAreInOrder(t *testing.T) {
	t.Run("lab", func(t *testing.T) {
		byPartition := newPartitions()
		for _, line := range lab.Records(t, "lab") {
			byPartition.add(t, line)
		}
		byPartition.expectOrder(t)
	})
	pattern := "service-test.flowpkt.log.zst"
	if needs.Everything() {
		pattern = "*.flowpkt.log.zst"
	}
	files, err := filepath.Glob(filepath.Join(needs.SharedData(t, "zeek"), pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s, error %v", pattern, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			byPartition, lines := newPartitions(), bufio.NewScanner(lab.Unpack(t, file))
			for lines.Scan() {
				byPartition.add(t, lines.Bytes())
			}
			if err := lines.Err(); err != nil {
				t.Fatal(err)
			}
			byPartition.expectOrder(t)
		})
	}
}

// partitions are tables that share the records by uid: all 1, 3 and 12 partitions of a topic.
type partitions struct {
	decoder zeek.Decoder
	record  zeek.Record
	tables  map[uint32][]*Table // by how many share the records
}

func newPartitions() *partitions {
	p := &partitions{tables: map[uint32][]*Table{}}
	for _, n := range []uint32{1, 3, 12} {
		for range n {
			p.tables[n] = append(p.tables[n], New(testConfig()))
		}
	}
	return p
}

func (p *partitions) add(t *testing.T, line []byte) {
	if err := p.decoder.Decode(line, &p.record); err != nil {
		t.Fatal(err)
	}
	uid := fnv.New32a()
	uid.Write(p.record.UID)
	for n, tables := range p.tables {
		table := tables[uid.Sum32()%n]
		table.Add(&p.record)
		for f := table.Due(); f != nil; f = table.Due() {
			table.Finish(f)
		}
	}
}

// expectOrder fails the test where a record was late at all.
func (p *partitions) expectOrder(t *testing.T) {
	for n, tables := range p.tables {
		var all Lateness
		for _, table := range tables {
			counted := table.TakeLateness()
			all.Merge(&counted)
		}
		t.Logf("%d partitions: %d packet records in order, late ones by class %v", n, all.Counts[0], all.Counts[1:])
		if all.Sum > 0 || all.Counts[0] == 0 {
			t.Errorf("%d partitions: records are %d us late together", n, all.Sum)
		}
	}
}
