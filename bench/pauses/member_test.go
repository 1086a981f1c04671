package pauses

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/process"
)

// member is a serveflow run.
type member struct {
	t     *testing.T
	p     *process.Process
	admin string
}

// startMember starts one and waits until it is at work.
func startMember(t *testing.T, settings ...string) *member {
	t.Helper()
	m := &member{t: t, admin: process.FreeAddress(t)}
	cmd := exec.Command("bin/serveflow", "run")
	cmd.Dir, cmd.Env = "../..", process.Environment(append(settings, "SERVEFLOW_ADMIN="+m.admin)...)
	log := filepath.Join(t.TempDir(), "log")
	var err error
	if m.p, err = process.Start(cmd, log); err != nil {
		t.Fatalf("%v; make build makes it", err)
	}
	t.Cleanup(func() {
		m.p.Kill()
		if text, _ := os.ReadFile(log); t.Failed() {
			t.Logf("%s", text[max(0, len(text)-4000):])
		}
	})
	await.Until(t, "serveflow run to be ready", func() bool {
		res, err := http.Get("http://" + m.admin + "/readyz")
		if err == nil {
			res.Body.Close()
		}
		return err == nil && res.StatusCode == http.StatusOK
	})
	return m
}

// stop lets it drain.
func (m *member) stop() {
	m.t.Helper()
	m.p.Stop(time.Minute)
	if code := m.p.ExitCode(); code != 0 {
		m.t.Errorf("serveflow run ended with exit code %d", code)
	}
}

// metric is the sum of a metric's series that have this label, or of all.
func (m *member) metric(name, label string) (sum float64) {
	m.t.Helper()
	res, err := http.Get("http://" + m.admin + "/metrics")
	if err != nil {
		m.t.Fatal(err)
	}
	defer res.Body.Close()
	for lines := bufio.NewScanner(io.LimitReader(res.Body, 16<<20)); lines.Scan(); {
		series, value, _ := strings.Cut(lines.Text(), " ")
		base, labels, _ := strings.Cut(series, "{")
		if x, err := strconv.ParseFloat(value, 64); err == nil && base == name && strings.Contains(labels, label) {
			sum += x
		}
	}
	return sum
}

// cpu is the CPU time that it has spent.
func (m *member) cpu() time.Duration {
	m.t.Helper()
	own, _ := process.CPU(m.t, m.p.PID())
	return own
}

// idle is the time that all cores together had nothing to do.
func idle(t *testing.T) time.Duration {
	t.Helper()
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		t.Fatal(err)
	}
	return process.Ticks(t, strings.Fields(string(data))[4:6]) // "cpu" user nice system idle iowait
}
