package faults

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// killWithTasks kills members that serve three tasks on one pass. Service's labels are held
// against replay's as in every row; of the others every flow must have one, and those that
// come twice must be equal. A flow keeps its place in the log until the last task has
// labelled it, so that after a kill as many labels come twice as it was waiting for.
func killWithTasks(t *testing.T, r *row, broker string) {
	toy := filepath.Join(repository, "cascade", "bundle", "testdata", "mixed")
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 6, settings: shortTimeouts(), bundles: map[string]string{"toy": toy, "other": toy}})
	res := h.killRepeatedly(r, 2, traffic{flows: choose(5000, 200_000), rate: 250})
	for task := range h.cfg.bundles {
		h.checkTask(task, broker, res.flows)
	}
	r.check(t, res, limits{duplicates: 1})
}

// bundles lays the harness's bundles out by task, and gives the setting that finds them.
func (h *harness) bundles() string {
	h.t.Helper()
	to := filepath.Join(h.t.TempDir(), "bundles")
	for task, dir := range h.cfg.bundles {
		if err := os.CopyFS(filepath.Join(to, task), os.DirFS(dir)); err != nil {
			h.t.Fatal(err)
		}
		manifest := filepath.Join(to, task, "manifest.json")
		text, err := os.ReadFile(manifest)
		if err == nil {
			err = os.WriteFile(manifest, bytes.Replace(text, []byte(`"task": "service"`), []byte(`"task": "`+task+`"`), 1), 0o644)
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(to, "service"), os.DirFS(filepath.Join(repository, "bundles", "service"))); err != nil {
		h.t.Fatal(err)
	}
	return filepath.Join(to, "<task>")
}

// checkTask counts the flows that have a label of a task.
func (h *harness) checkTask(task, broker string, flows int) {
	h.t.Helper()
	type answer struct{ Label, Reason string }
	labels := map[string]answer{}
	for _, m := range kafkatest.ReadAll(h.t, broker, h.labelsOf(task)) {
		var id struct {
			ID string `json:"label_id"`
		}
		var a answer
		if err := errors.Join(json.Unmarshal(m.Value, &id), json.Unmarshal(m.Value, &a)); err != nil {
			h.t.Fatal(err)
		}
		before, twice := labels[id.ID]
		if exceptional := before.Reason == "degraded" || a.Reason == "degraded"; twice && !exceptional && before != a {
			h.t.Errorf("task %s: %s came twice, as %v and as %v", task, id.ID, before, a)
		}
		labels[id.ID] = a
	}
	if len(labels) != flows {
		h.t.Errorf("task %s: %d flows have a label, want %d", task, len(labels), flows)
	}
}

// workOffABacklog starts members when all is written: each slow stage has room for few, and
// no label may be worse than replay's for that.
func workOffABacklog(t *testing.T, r *row, broker string) {
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 6, settings: append(shortTimeouts(), "SERVEFLOW_SLOW_QUEUE=8")})
	h.send(traffic{flows: choose(4000, 200_000), rate: 2000})
	h.awaitWritten(time.Minute)
	time.Sleep(5 * time.Second) // the newest record is late, too
	h.start(2)
	h.awaitReady()
	h.awaitCommitted(2 * time.Minute)
	r.check(t, h.finish(), limits{})
}
