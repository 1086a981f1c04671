package load

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var minute = flag.Bool("minute", false, "replay load/trace's busiest minute in real time, beside the slow stage alone")

// The busiest minute of load/trace at its recorded pace, through the demo's broker: the cascade as
// it ships, and the slow stage alone with several idle timeouts, since a shorter one makes its
// labels earlier and worse.
func TestBusiestMinute(t *testing.T) {
	if !*minute {
		t.Skip("on purpose: a bench of its own, make bench-minute")
	}
	dir := t.TempDir()
	records, labels := filepath.Join(dir, "records.jsonl"), filepath.Join(dir, "labels.csv")
	flows := writeBusiest(t, records)
	writeKnown(t, labels)
	var cascade demoSide
	for _, idle := range []string{"2s", "1s", "500ms", "250ms"} {
		seen := demonstrate(t, dir, idle, records, labels)
		if idle == "2s" {
			cascade = seen.Cascade
			t.Logf("%d flows; cascade: %s", flows, cascade.words())
		}
		t.Logf("slow stage alone, idle timeout %s: %s; %.0f times the cascade's median", idle, seen.SlowOnly.words(), seen.SlowOnly.Latency.P50/cascade.Latency.P50)
	}
}

// demoSide is one of the two sides of the demo's summary.
type demoSide struct {
	MacroF1   float64                         `json:"macro_f1"`
	Under16ms float64                         `json:"under_16ms"`
	Latency   struct{ P50, P90, P99 float64 } `json:"first_packet_to_label_ms"`
}

func (s demoSide) words() string {
	return fmt.Sprintf("p50 %.1f ms, p90 %.0f, p99 %.0f, %.1f%% within 16 ms, macro-F1 %.4f", s.Latency.P50, s.Latency.P90, s.Latency.P99, 100*s.Under16ms, s.MacroF1)
}

type demoSummary struct {
	Cascade  demoSide `json:"cascade"`
	SlowOnly demoSide `json:"slow_only"`
}

// demonstrate runs serveflow demo, whose last line is its summary.
func demonstrate(t *testing.T, dir, idle, records, labels string) (seen demoSummary) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bin/serveflow", "demo", "--records", records, "--labels", labels, "--dir", filepath.Join(dir, idle), "--json")
	cmd.Dir, cmd.Env = "../..", append(os.Environ(), "SERVEFLOW_FLOW_IDLE="+idle)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &seen); err != nil {
		t.Fatal(err)
	}
	return seen
}

// writeBusiest writes the records of the flows that begin in the minute with the most of them, up
// to a few seconds behind it, and returns how many flows these are.
func writeBusiest(t *testing.T, name string) (flows int) {
	t.Helper()
	lines := bytes.Split(bytes.TrimSpace(unpack(t, "zeek/trace.flowpkt.log.zst")), []byte("\n"))
	first, uids, at := map[string]float64{}, make([]string, len(lines)), make([]float64, len(lines))
	begun := map[int]int{} // flows by second
	for i, line := range lines {
		var r struct{ UID string }
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatal(err)
		}
		at[i], uids[i] = seconds(t, line), r.UID
		if _, known := first[r.UID]; !known {
			first[r.UID] = at[i]
			begun[int(at[i])]++
		}
	}
	best := 0
	for second := range begun {
		n := 0
		for i := range 60 {
			n += begun[second+i]
		}
		if n > flows {
			flows, best = n, second
		}
	}
	var kept bytes.Buffer
	for i, line := range lines {
		if f := first[uids[i]]; f >= float64(best) && f < float64(best+60) && at[i] < float64(best+75) {
			kept.Write(append(line, '\n'))
		}
	}
	if err := os.WriteFile(name, kept.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return flows
}

// writeKnown writes the known services as the demo reads them.
func writeKnown(t *testing.T, name string) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(unpack(t, "load/trace.csv.zst"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	known := bytes.NewBufferString("orig_h,orig_p,resp_h,resp_p,proto,ts_first,label\n")
	for _, row := range rows[1:] { // capture_id,src_ip,src_port,dst_ip,dst_port,proto,first_ts_us,packets,bytes,service,...
		first, err := strconv.ParseInt(row[6], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if proto := map[string]string{"6": "tcp", "17": "udp"}[row[5]]; row[9] != "" {
			fmt.Fprintf(known, "%s,%s,%s,%s,%s,%d.%06d,%s\n", row[1], row[2], row[3], row[4], proto, first/1e6, first%1e6, row[9])
		}
	}
	if err := os.WriteFile(name, known.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}
