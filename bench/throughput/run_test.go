package throughput

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/kafkatest"
	"github.com/serveflow/serveflow/internal/process"
)

// usage is what labelling took, of all processes together. wall is from the start of the process to the last label.
type usage struct {
	wall, cpu time.Duration
	starting  time.Duration // CPU until the first labels are there ...
	first     int64         // ... and how many those are
	memory    float64       // MiB, at most
}

// running is how many microseconds of CPU a flow took of those that came after the first labels.
func (u usage) running(flows int) float64 {
	return float64((u.cpu - u.starting).Microseconds()) / float64(int64(flows)-u.first)
}

// run is one labelling of the topic.
type run struct {
	t         *testing.T
	addr      string
	records   string // topic; "" for records
	labels    string // topic
	flows     int
	profile   int      // seconds that a CPU profile takes; 0: none
	processes int      // of serveflow; 0: one
	settings  []string // of serveflow, besides those that all have
	bound     []string // what the command begins with that starts serveflow, to bind it to cores; nil: it has all
}

// patience is how long a side may go without a label.
const patience = 3 * time.Minute

// serveflow labels the topic by the binary; load changes none of its labels.
func (r *run) serveflow(bundle string) usage {
	r.t.Helper()
	admin := process.FreeAddress(r.t)
	env := append(os.Environ(), "SERVEFLOW_BROKERS="+r.addr, "SERVEFLOW_TOPIC="+cmp.Or(r.records, "records"), "SERVEFLOW_LABEL_TOPIC="+r.labels, "SERVEFLOW_DEAD_LETTER_TOPIC="+r.labels+".dlq",
		"SERVEFLOW_GROUP="+r.labels, "SERVEFLOW_BUNDLE="+bundle, "SERVEFLOW_ADMIN="+admin, "SERVEFLOW_PPROF=true", "SERVEFLOW_ADAPT=off")
	env = append(env, r.settings...)
	var members []*exec.Cmd
	for i := range max(1, r.processes) {
		command := append(slices.Clone(r.bound), "../../bin/serveflow", "run")
		member := exec.Command(command[0], command[1:]...)
		if member.Env = env; i > 0 {
			member.Env = append(slices.Clone(env), "SERVEFLOW_ADMIN="+process.FreeAddress(r.t))
		}
		members = append(members, member)
	}
	end := func() {
		for _, member := range members {
			_ = member.Process.Signal(syscall.SIGTERM)
		}
	}
	if r.profile == 0 {
		return r.measure(end, members...)
	}
	file, done := profiled(r.t, admin, r.profile)
	u := r.measure(func() {
		if err := <-done; err != nil {
			r.t.Error(err)
		}
		end()
	}, members...)
	split(r.t, file)
	if *keep != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			r.t.Fatal(err)
		}
		write(r.t, *keep, data)
	}
	return u
}

// python labels it by service.py, which ends by itself once nothing comes.
func (r *run) python(bundle string) usage {
	r.t.Helper()
	return r.measure(func() {}, exec.Command("../../.venv/bin/python", "service.py", r.addr, "records", r.labels, bundle, "5"))
}

// measure starts the processes of a side, waits until every flow has its label, and ends them.
func (r *run) measure(end func(), members ...*exec.Cmd) (used usage) {
	r.t.Helper()
	said, err := os.Create(filepath.Join(r.t.TempDir(), "said"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer said.Close()
	began := time.Now()
	for _, member := range members {
		member.Stdout, member.Stderr = said, said
		if err := member.Start(); err != nil {
			r.t.Fatal(err)
		}
	}
	used.wall = r.await(began, func(labels int64) { used.first, used.starting = labels, spent(r.t, members) })
	used.memory = resident(members)
	end()
	for _, member := range members {
		err := member.Wait()
		if text, _ := os.ReadFile(said.Name()); used.wall == 0 || err != nil {
			r.t.Fatalf("%v: %d flows have no label, or %v: %s", member.Args, r.flows-int(r.written()), err, text[max(0, len(text)-2000):])
		}
		used.cpu += member.ProcessState.UserTime() + member.ProcessState.SystemTime()
	}
	return used
}

// await gives the time until there is a label for each flow; 0 if none comes any more. It tells once of the first labels.
func (r *run) await(began time.Time, tell func(labels int64)) time.Duration {
	seen, since := int64(0), time.Now()
	for time.Since(since) < patience {
		switch n := r.written(); {
		case n >= int64(r.flows):
			return time.Since(began)
		case n > seen:
			if seen == 0 {
				tell(n)
			}
			seen, since = n, time.Now()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return 0
}

// written is how many labels there are.
func (r *run) written() (n int64) {
	var ask []kafka.OffsetRequest
	for i := range partitions {
		ask = append(ask, kafka.LastOffsetOf(i))
	}
	client := &kafka.Client{Addr: kafka.TCP(r.addr)}
	res, err := client.ListOffsets(r.t.Context(), &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{r.labels: ask}})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, p := range res.Topics[r.labels] {
		n += p.LastOffset
	}
	return n
}

// labelled is what a flow was labelled. answer has the label, the reason and the packets.
type labelled struct{ answer, stage string }

// read gives what each flow was labelled.
func (r *run) read() map[string]labelled {
	r.t.Helper()
	got := map[string]labelled{}
	for _, m := range kafkatest.ReadAll(r.t, r.addr, r.labels) {
		var l struct {
			UID, Label, Reason, Stage string
			Packets                   int
		}
		if err := json.Unmarshal(m.Value, &l); err != nil {
			r.t.Fatal(err)
		}
		if l.Reason == "degraded" || l.Reason == "breaker" || l.Reason == "evicted" {
			r.t.Fatalf("%s: its label is %s; a flow without its full answer is no measure", l.UID, l.Reason)
		}
		got[l.UID] = labelled{fmt.Sprint(l.Label, " ", l.Reason, " ", l.Packets), l.Stage}
	}
	return got
}
