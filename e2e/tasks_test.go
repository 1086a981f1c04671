package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/serveflow/serveflow/internal/await"
)

// Two tasks on one pass: each has its topic, and in it the labels of replay. The second is
// the service bundle under another name.
func TestTasks(t *testing.T) {
	bundles := filepath.Join(t.TempDir(), "bundles")
	for _, task := range []string{"service", "device"} {
		dir := filepath.Join(bundles, task)
		if err := os.CopyFS(dir, os.DirFS("../bundles/service")); err != nil {
			t.Fatal(err)
		}
		manifest := filepath.Join(dir, "manifest.json")
		text, err := os.ReadFile(manifest)
		if err != nil {
			t.Fatal(err)
		}
		named := bytes.Replace(text, []byte(`"task": "service"`), []byte(`"task": "`+task+`"`), 1)
		if task != "service" && bytes.Equal(named, text) {
			t.Fatalf("%s names no task", manifest)
		}
		if err := os.WriteFile(manifest, named, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(bundles, 0o755); err != nil { // whatever the umask
		t.Fatal(err)
	}
	p := newProject(t, map[string]string{"SERVEFLOW_TASKS": "service,device", "BUNDLES_DIR": bundles, "SERVEFLOW_BUNDLE": "/bundles/<task>"})
	p.must(startLimit, "up", "--detach", "--wait")
	p.replay("--speed", "0")
	for _, task := range []string{"service", "device"} {
		written := func() map[string][]label { return p.writtenTo("serveflow.labels." + task) }
		want := p.replayed("--task", task)
		await.Until(t, "every label of "+task, func() bool { return len(written()) >= len(want) })
		if twice := compare(t, "", written(), want, false); twice != 0 {
			t.Errorf("%s: %d labels came twice without a fault", task, twice)
		}
		for _, l := range want {
			if l["task"] != task {
				t.Fatalf("a label of %s is of task %v", task, l["task"])
			}
		}
		p.must(startLimit, "run", "--rm", "--no-TTY", "labels", "--task", task, "--from", "beginning", "--count", "1")
	}
}
