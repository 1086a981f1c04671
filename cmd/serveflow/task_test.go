package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// bundlesOf copies bundles to a folder, each under the name of its task, and gives the
// setting that finds them there.
func bundlesOf(t *testing.T, dirs map[string]string) string {
	t.Helper()
	to := t.TempDir()
	for task, dir := range dirs {
		if err := os.CopyFS(filepath.Join(to, task), os.DirFS(filepath.Join(repositoryRoot(t), dir))); err != nil {
			t.Fatal(err)
		}
		if dir != toy && dir != ruled { // their own task is service
			continue
		}
		manifest := filepath.Join(to, task, "manifest.json")
		text, err := os.ReadFile(manifest)
		if err == nil {
			err = os.WriteFile(manifest, bytes.Replace(text, []byte(`"task": "service"`), []byte(`"task": "`+task+`"`), 1), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(to, taskPlace)
}

// labelsByTask gives replay's labels, without their wall-clock fields, by task and uid.
func labelsByTask(t *testing.T, stdout string) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	for line := range strings.Lines(stdout) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		delete(fields, "ts_label")
		delete(fields, "compute_us")
		task := fields["task"].(string)
		if all[task] == nil {
			all[task] = map[string]string{}
		}
		text, _ := json.Marshal(fields)
		all[task][fields["uid"].(string)] = string(text)
	}
	return all
}

// Two tasks on one pass give the labels that each gives alone.
func TestTasksShareAPass(t *testing.T) {
	onnxtest.Library(t)
	want := map[string]map[string]string{}
	bundles := bundlesOf(t, map[string]string{"service": "bundles/service", "toy": toy})
	for _, task := range []string{"service", "toy"} {
		code, stdout, stderr := runCommand(t, map[string]string{"SERVEFLOW_BUNDLE": bundles}, "", "replay", "--task", task, labFile)
		if code != exitOK {
			t.Fatalf("exit code %d, %s", code, stderr)
		}
		for task, labels := range labelsByTask(t, stdout) {
			want[task] = labels
		}
	}
	code, stdout, stderr := runCommand(t, map[string]string{"SERVEFLOW_BUNDLE": bundles}, "", "replay", "--task", "service,toy", labFile)
	if code != exitOK {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	got := labelsByTask(t, stdout)
	if len(got) != 2 {
		t.Fatalf("labels of %d tasks", len(got))
	}
	for task, labels := range want {
		if len(labels) != len(got[task]) || len(labels) == 0 {
			t.Errorf("%s: %d labels, alone %d", task, len(got[task]), len(labels))
		}
		for uid, label := range labels {
			if got[task][uid] != label {
				t.Fatalf("%s: got %s\nalone %s", uid, got[task][uid], label)
			}
		}
	}
}

// One member labels every flow for each task, in topics of their own, and commits a flow's
// records when both labels are written.
func TestRunServesTasks(t *testing.T) {
	onnxtest.Library(t)
	t.Chdir(repositoryRoot(t))
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(3, packetsTopic, "labels.service", "labels.toy"), kfake.SeedTopics(1, packetsTopic+".dlq"))
	sendLab(t, addr)
	flows := len(replayedLabels(t, labFile))
	admin := freeAddress(t)
	env := map[string]string{"SERVEFLOW_BROKERS": addr, "SERVEFLOW_ADMIN": admin, "SERVEFLOW_TASKS": "toy,service", "SERVEFLOW_LABEL_TOPIC": "labels." + taskPlace,
		"SERVEFLOW_BUNDLE": bundlesOf(t, map[string]string{"service": "bundles/service", "toy": toy})}
	stop := startHere(t, env)
	awaitReady(t, admin)
	for _, topic := range []string{"labels.service", "labels.toy"} {
		await.Until(t, "the labels of "+topic, func() bool { return len(kafkatest.ReadAll(t, addr, topic)) >= flows })
	}
	_, metrics := get(admin, "/metrics")
	for _, task := range []string{"service", "toy"} {
		if n := metric(metrics, "serveflow_labels_total", `task="`+task+`"`); n != float64(flows) {
			t.Errorf("task %s: %v labels are counted, want %d", task, n, flows)
		}
	}
	stop()
	committed := int64(0)
	for _, offset := range kafkatest.CommittedOffsets(t, addr, "serveflow.service+toy", packetsTopic) {
		committed += offset
	}
	if records := len(recordLines(t, labFile)); committed != int64(records) {
		t.Errorf("%d of %d records are committed", committed, records)
	}
}

// A task that is left out is told of as long as the process runs, which is ready for the others.
func TestALeftOutTaskIsToldOf(t *testing.T) {
	onnxtest.Library(t)
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, packetsTopic, packetsTopic+".dlq", "serveflow.labels.toy"))
	admin := freeAddress(t)
	bundles := bundlesOf(t, map[string]string{"toy": toy})
	startHere(t, map[string]string{"SERVEFLOW_BROKERS": addr, "SERVEFLOW_ADMIN": admin, "SERVEFLOW_TASKS": "broken,toy", "SERVEFLOW_BUNDLE": bundles, "SERVEFLOW_SKIP_BROKEN_TASKS": "true"})
	awaitReady(t, admin)
	want := "ready\ntask broken: it is left out since the start, and no flow gets a label of it: restart once its bundle is mended: bundle " + strings.Replace(bundles, taskPlace, "broken", 1)
	if _, body := get(admin, "/readyz"); !strings.HasPrefix(body, want) || strings.Count(body, "\n") != 2 {
		t.Errorf("%q, want %q", body, want)
	}
	_, metrics := get(admin, "/metrics")
	for task, refused := range map[string]string{"broken": "1", "toy": "0"} {
		if line := `serveflow_bundle_refused{task="` + task + `"} ` + refused + "\n"; !strings.Contains(metrics, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
}

func TestTasksThatCannotBeServed(t *testing.T) {
	onnxtest.Library(t)
	two := bundlesOf(t, map[string]string{"service": "bundles/service", "toy": toy, "conn": "bundles/service-conn", "copy": "bundles/service"})
	if err := os.MkdirAll(strings.Replace(two, taskPlace, "broken", 1), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		env  map[string]string
		code int
		says []string
	}{
		{"one bundle for both", map[string]string{"SERVEFLOW_TASKS": "service,toy", "SERVEFLOW_BUNDLE": toy}, exitUsage, []string{"SERVEFLOW_BUNDLE=" + toy, "write <task> where"}},
		{"one topic for both", map[string]string{"SERVEFLOW_TASKS": "service,toy", "SERVEFLOW_BUNDLE": two, "SERVEFLOW_LABEL_TOPIC": "labels"}, exitUsage, []string{"SERVEFLOW_LABEL_TOPIC=labels", "write <task> where"}},
		{"packets and conn.log", map[string]string{"SERVEFLOW_TASKS": "service,conn", "SERVEFLOW_BUNDLE": two}, exitUsage, []string{"service@3 reads packet records and service-conn@1 records of conn.log", "two processes"}},
		{"an empty name", map[string]string{"SERVEFLOW_TASKS": "service,,toy", "SERVEFLOW_BUNDLE": two}, exitUsage, []string{"SERVEFLOW_TASKS=service,,toy has an entry without a name"}},
		{"one task twice", map[string]string{"SERVEFLOW_TASKS": "service,copy", "SERVEFLOW_BUNDLE": two}, exitUsage, []string{"are both of the task service"}},
		{"a broken one", map[string]string{"SERVEFLOW_TASKS": "service,broken", "SERVEFLOW_BUNDLE": two}, exitUsage, []string{"/broken"}},
		{"a broken one, left out", map[string]string{"SERVEFLOW_TASKS": "service,broken", "SERVEFLOW_BUNDLE": two, "SERVEFLOW_SKIP_BROKEN_TASKS": "true"}, exitOK, nil},
		{"all are broken", map[string]string{"SERVEFLOW_TASKS": "broken,nowhere", "SERVEFLOW_BUNDLE": two, "SERVEFLOW_SKIP_BROKEN_TASKS": "true"}, exitUsage, []string{"/broken", "/nowhere"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := runCommand(t, c.env, "", "run", "--check")
			if code != c.code || (code == exitOK) != strings.Contains(stdout, "ready to run: service@3") {
				t.Errorf("exit code %d, %s%s", code, stdout, stderr)
			}
			for _, words := range c.says {
				if !strings.Contains(stderr, words) {
					t.Errorf("%q does not say %q", stderr, words)
				}
			}
		})
	}
}
