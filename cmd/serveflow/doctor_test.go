package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/cascade/bundle"
	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/consumer/group"
	"github.com/serveflow/serveflow/doctor"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// The exit code says whether all is well, something was found, or nothing could be looked at.
func TestDoctorExitCodes(t *testing.T) {
	onnxtest.Library(t)
	empty, _ := kafkatest.Fake(t, kfake.SeedTopics(2, "serveflow.packets", "serveflow.labels.service", "serveflow.packets.dlq"))
	for _, c := range []struct {
		name, addr, args string
		code             int
		stdout, stderr   string
	}{
		{"findings", empty, "", exitFail, "[nothing-arrives]", "0 faults, 1 warning, 1 note"},
		{"could not look", "127.0.0.1:1", "", exitUsage, "[broker-refused]", "could not look"},
		{"no records", empty, "--sample 0", exitUsage, "", "--sample 0: choose at least 1"},
		{"no time", empty, "--timeout -1s", exitUsage, "", "--timeout -1s"},
		{"broken bundle", empty, "--bundle nowhere", exitFail, "[bundle-broken]", "1 fault, 1 warning"},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := map[string]string{"SERVEFLOW_BROKERS": c.addr}
			code, stdout, stderr := runCommand(t, env, "", append([]string{"doctor"}, strings.Fields(c.args)...)...)
			if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
				t.Errorf("exit code %d, want %d; standard output %q, standard error %q", code, c.code, stdout, stderr)
			}
		})
	}
}

// Real records, sent as the product sends them, give no finding but that they are
// old, in whatever shape they come; and the report can be read by a program.
func TestDoctorOnRealRecords(t *testing.T) {
	onnxtest.Library(t)
	packets, conns := labText(t, "lab"), labText(t, "lab-conn")
	envelope := func(format string) string {
		var all strings.Builder
		for line := range strings.Lines(packets) {
			text, _ := json.Marshal(strings.TrimSpace(line))
			fmt.Fprintf(&all, format+"\n", text)
		}
		return all.String()
	}
	for _, tt := range []struct{ name, task, records string }{
		{"bare", "service", packets},
		{"Filebeat", "service", envelope(`{"@timestamp":"2026-01-01T00:00:00.000Z","host":{"name":"sensor-1"},"message":%s}`)},
		{"Kafka Connect", "service", envelope(`{"schema":{"type":"string","optional":false},"payload":%s}`)},
		{"zeek-kafka", "service", strings.ReplaceAll(strings.ReplaceAll(packets, `{"ev"`, `{"serveflow":{"ev"`), "}\n", "},\"site\":\"lab\"}\n")},
		{"conn.log", "service-conn", conns},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := lookAt(t, tt.task, tt.records)
			var ids []string
			for _, f := range r.Findings {
				if f.ID != "records-late" && f.ID != "replayed" { // by the day that the test runs
					ids = append(ids, f.ID)
				}
			}
			if want := []string{"no-offset", "no-members"}; !slices.Equal(ids, want) || r.Records < 500 || r.Schema != "serveflow.doctor/1" {
				t.Errorf("%d records, findings %v, want %v\n%+v", r.Records, ids, want, r.Findings)
			}
		})
	}
}

// A bundle for packets on a topic with conn.log would label nothing: it is said.
func TestDoctorOnTheWrongLog(t *testing.T) {
	onnxtest.Library(t)
	r := lookAt(t, "service", labText(t, "lab-conn"))
	if !slices.ContainsFunc(r.Findings, func(f doctor.Finding) bool { return f.ID == "no-packet-records" }) {
		t.Errorf("findings %+v", r.Findings)
	}
}

// labText is a record file of the lab as one text.
func labText(t *testing.T, name string) string {
	t.Helper()
	return string(bytes.Join(labRecords(t, name), []byte("\n"))) + "\n"
}

// lookAt sends records to topics of their own and asks the doctor about them.
func lookAt(t *testing.T, task, records string) (r doctor.Report) {
	t.Helper()
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(3, "serveflow.packets", "serveflow.labels."+task, "serveflow.packets.dlq"))
	env := map[string]string{"SERVEFLOW_BROKERS": addr, "SERVEFLOW_TASK": task}
	if code, _, stderr := runCommand(t, env, records, "send", "--speed", "0", "-"); code != exitOK {
		t.Fatalf("send: exit code %d, %s", code, stderr)
	}
	code, stdout, stderr := runCommand(t, env, "", "doctor", "--json")
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || code > exitFail || strings.Count(stdout, "\n") != 1 {
		t.Fatalf("exit code %d, %v, %s\n%s", code, err, stderr, stdout)
	}
	return r
}

// What features are read from is what their documentation says.
func TestSourceOfFeatures(t *testing.T) {
	type from struct {
		field  string
		header bool
	}
	for name, want := range map[string]from{
		"proto": {}, "resp_port": {}, "packets": {}, "orig_payload_max": {"plen", false}, "log_duration": {}, "p1_dir": {}, "p9_log_gap": {},
		"p2_ip_len": {"ip_len", false}, "p10_tcp_window": {"win", false}, "p1_ip_tos": {"", true}, "p10_tcp_mss": {"", true}, "p3_ipv4_ttl_0": {"", true}, "px_tcp_mss": {},
	} {
		if field, header := source(name); (from{field, header}) != want {
			t.Errorf("%s: %q %v, want %v", name, field, header, want)
		}
	}
	table, err := os.ReadFile(filepath.Join(repositoryRoot(t), "cascade", "nprint", "FEATURES.md"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		name, meaning, _ := strings.Cut(strings.TrimPrefix(line, "| `p<i>_"), "` |")
		if !strings.HasPrefix(line, "| `p<i>_") || name == "dir" || name == "log_gap" {
			continue
		}
		if _, header := source("p1_" + name); strings.Contains(meaning, "record's own") == header {
			t.Errorf("%s: %s", name, meaning)
		}
	}
}

// A bundle needs the packets up to the last that a stage is asked again at, and what the models
// beside the stages' own read.
func TestDoctorNeedsWhatAllModelsRead(t *testing.T) {
	var needs doctor.Needs
	addNeeds(&needs, &bundle.Bundle{Stages: []bundle.Stage{
		{Spec: bundle.StageSpec{Depth: 3, MaxDepth: 5, Features: []string{"p1_ip_len", "p2_ip_tos"}},
			Hazard:  &bundle.Side{Features: []string{"answer_p1", "p1_ip_ttl", "p2_ip_tos"}},
			Novelty: &bundle.Side{Features: []string{"p1_tcp_mss", "answer_first"}}},
		{Spec: bundle.StageSpec{Depth: 4, Features: []string{"proto"}}},
	}})
	if got := fmt.Sprintf("%+v", needs); got != "{Depth:5 Header:[p2_ip_tos p1_tcp_mss] Fields:[ip_len ttl] Conns:false}" {
		t.Error(got)
	}
}

// The doctor is told of every task: its label topic and bundle, and what the group serves.
func TestDoctorIsToldOfEveryTask(t *testing.T) {
	onnxtest.Library(t)
	t.Chdir(repositoryRoot(t))
	t.Setenv("SERVEFLOW_TASKS", "toy,service")
	t.Setenv("SERVEFLOW_BUNDLE", bundlesOf(t, map[string]string{"service": "bundles/service", "toy": toy}))
	t.Setenv("SERVEFLOW_MIXED_BUNDLES", "true")
	s, err := loadSettings()
	if err != nil {
		t.Fatal(err)
	}
	e, err := examine(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	c := s.doctor(nil, e.labels, e.purpose, e.needs)
	if len(c.Labels) != 2 || c.Labels[0].Topic != "serveflow.labels.toy" || c.Labels[1].Topic != "serveflow.labels.service" || c.Labels[0].Digest == "" || c.Labels[0].Digest == c.Labels[1].Digest {
		t.Errorf("%+v", c.Labels)
	}
	want := group.Purpose{Task: "service,toy", Output: "serveflow.labels.service,serveflow.labels.toy", Bundle: c.Labels[1].Digest + "," + c.Labels[0].Digest}
	if c.Purpose != want || c.Group != "serveflow.service+toy" || !c.MixedBundles || c.Needs.Depth != 10 {
		t.Errorf("%+v, group %s, depth %d", c.Purpose, c.Group, c.Needs.Depth)
	}
}
