package chain

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/serveflow/serveflow/internal/kafkatest"
	"github.com/serveflow/serveflow/internal/lab"
)

var (
	chain   = flag.Bool("chain", false, "measure ship, the broker and serveflow run, link by link")
	records = flag.String("records", "", "records in place of load/trace's, or of the lab's where that is not there")
	copies  = flag.Int("copies", 1, "how often they are in the log, each time with other uids and later times")
	rounds  = flag.Int("rounds", 3, "how often each step is measured; the least is taken")
)

const (
	partitions = 8
	// maxCopies is how many letters there are from the C of Zeek's uids to Z.
	maxCopies = 'Z' - 'C' + 1
	// enough flows make the start of the programs and the ticks of their CPU time small beside what is measured.
	enough = 20_000
)

// bench is what all measurements share.
type bench struct {
	t      *testing.T
	addr   string
	broker int      // process id
	folder string   // of the broker's logs
	lines  [][]byte // the records, all copies
	one    int      // how many of them are the first copy
	flows  int      // that have packet records, so get a label, in all copies
	topics int      // made so far
	whole  float64  // us of CPU a flow of ship, the broker and run together, with the JSON as it is
}

// Everything is measured side by side in one run, in turns, because the machine is shared: the ratios count.
func TestChain(t *testing.T) {
	if !*chain {
		t.Skip("on purpose: a bench of its own, make bench-chain")
	}
	if _, err := os.Stat(serveflow); err != nil {
		t.Fatalf("%s: %v: run `make build`", serveflow, err)
	}
	b := newBench(t)
	b.links()
	b.codecs()
	b.forms()
}

// newBench reads the records and starts a broker. Its JVM compiles as one in production does: kafkatest's own setting,
// which starts faster, takes more CPU for each request.
func newBench(t *testing.T) *bench {
	t.Helper()
	if *copies < 1 || *copies > maxCopies {
		t.Fatalf("-copies is %d: choose 1 to %d", *copies, maxCopies)
	}
	b := &bench{t: t}
	first, path := lab.Trace(t, *records)
	from := filepath.Base(path)
	b.one = len(first)
	for c := range *copies {
		for _, line := range first {
			b.lines = append(b.lines, again(t, line, c))
			if bytes.HasPrefix(line, []byte(`{"ev":"pkt"`)) && bytes.Contains(line, []byte(`,"n":1,`)) {
				b.flows++
			}
		}
	}
	if b.flows < enough {
		t.Logf("%s has %d flows: figures are rough; name more records with -records, or raise -copies", from, b.flows)
	}
	broker := kafkatest.StartWith(t, kafkatest.Options{Java: []string{"-XX:TieredStopAtLevel=4", "-Xmx1g"}})
	b.addr = broker.Addr
	b.broker, b.folder = findBroker(t)
	fmt.Printf("\n%s, %d times: %d records of %d flows with packets, %.2f a flow, in %d partitions. Least of %d runs. %s, %d CPUs\n",
		from, *copies, len(b.lines), b.flows, b.perFlow(len(b.lines)), partitions, *rounds, runtime.Version(), runtime.NumCPU())
	return b
}

func (b *bench) perFlow(n int) float64 { return float64(n) / float64(b.flows) }

// again gives a line of another copy: with another uid, of the same length, and behind the copy before in time. So the
// copies are as one long trace, and its records are as long as they were.
func again(t *testing.T, line []byte, c int) []byte {
	t.Helper()
	if c == 0 {
		return line
	}
	line = bytes.Clone(line)
	uid, ts := bytes.Index(line, []byte(`"uid":"`))+len(`"uid":"`), bytes.Index(line, []byte(`"ts":`))+len(`"ts":`)
	dot := bytes.IndexByte(line[ts:], '.')
	if uid < 10 || ts < 5 || dot < 0 {
		t.Fatalf("no uid, or no time in seconds: %s: name a log of the Zeek package with -records", line)
	}
	seconds, err := strconv.Atoi(string(line[ts : ts+dot]))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	line[uid] += byte(c) // a letter, C in Zeek
	copy(line[ts:], strconv.Itoa(seconds+c*3600))
	return line
}
