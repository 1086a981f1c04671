package main

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/serveflow/serveflow/internal/kafkatest"
	"github.com/serveflow/serveflow/internal/process"
)

const (
	packetsTopic = "serveflow.packets"
	labelsTopic  = "serveflow.labels.service"
)

// member is one `serveflow run` in a process of its own.
type member struct {
	*exec.Cmd
	log *bytes.Buffer
}

// binary builds serveflow for the tests that need processes.
func binary(t *testing.T) string {
	t.Helper()
	path, err := process.Build(repositoryRoot(t), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// start runs serveflow with the settings given, from the repository's root.
func start(t *testing.T, exe string, settings []string, args ...string) *member {
	t.Helper()
	m := &member{exec.Command(exe, args...), &bytes.Buffer{}}
	m.Dir, m.Stderr, m.Stdout, m.Env = repositoryRoot(t), m.log, m.log, process.Environment(settings...)
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.Process.Kill()
		m.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", strings.Join(args, " "), m.log)
		}
	})
	return m
}

// labelled reads the final labels: by uid, each label record without its wall-clock fields.
func labelled(t *testing.T, addr string) map[string][]map[string]any {
	labels := map[string][]map[string]any{}
	for _, m := range kafkatest.ReadAll(t, addr, labelsTopic) {
		var fields map[string]any
		if err := json.Unmarshal(m.Value, &fields); err != nil {
			t.Fatalf("%v: %s", err, m.Value)
		}
		if string(m.Key) != fields["uid"] {
			t.Errorf("key %s of %s", m.Key, m.Value)
		}
		delete(fields, "ts_label")
		delete(fields, "compute_us")
		uid := string(m.Key)
		labels[uid] = append(labels[uid], fields)
	}
	return labels
}

// stop asks a member to drain, as an operator would.
func stop(t *testing.T, m *member) {
	t.Helper()
	if err := m.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := m.Wait(); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, m.log)
	}
}

func equalJSON(a, b any) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}
