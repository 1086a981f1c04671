package faults

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/process"
)

// builtBinary is the serveflow binary that all rows share. The first row that needs it builds
// it; TestMain removes its folder.
var builtBinary struct {
	once sync.Once
	dir  string
	path string
	err  error
}

const repository = "../.."

// serveflowBinary returns the path of the serveflow under test.
func serveflowBinary(t *testing.T) string {
	t.Helper()
	builtBinary.once.Do(func() {
		if builtBinary.dir, builtBinary.err = os.MkdirTemp("", "faults"); builtBinary.err != nil {
			return
		}
		builtBinary.path, builtBinary.err = process.Build(repository, builtBinary.dir)
	})
	if builtBinary.err != nil {
		t.Fatal(builtBinary.err)
	}
	return builtBinary.path
}

// member is one process of `serveflow run`, or of another subcommand.
type member struct {
	process    *process.Process
	t          *testing.T
	admin      string       // host:port of health and metrics
	log        string       // the log file's path
	peakMemory atomic.Int64 // bytes: the largest resident memory that was sampled
}

// startMember starts a subcommand in the repository's root, with these settings and no
// others.
func startMember(t *testing.T, settings []string, args ...string) *member {
	t.Helper()
	m := &member{t: t, admin: process.FreeAddress(t), log: filepath.Join(t.TempDir(), "log")}
	cmd := exec.Command(serveflowBinary(t), args...)
	cmd.Dir = repository
	cmd.Env = append(process.Environment("SERVEFLOW_ADMIN="+m.admin), settings...)
	var err error
	if m.process, err = process.Start(cmd, m.log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.process.Kill()
		if t.Failed() {
			text := m.readLog()
			t.Logf("pid %d, serveflow %s:\n%s", m.process.PID(), strings.Join(args, " "), text[max(0, len(text)-8<<10):])
		}
	})
	return m
}

// readLog returns what the member has logged.
func (m *member) readLog() string {
	text, _ := os.ReadFile(m.log)
	return string(text)
}

// stop sends SIGTERM and returns how long the member took to end. An exit code other than 0
// fails the test.
func (m *member) stop() time.Duration {
	m.t.Helper()
	began := time.Now()
	m.process.Stop(time.Minute)
	if code := m.process.ExitCode(); code != 0 {
		m.t.Errorf("pid %d: exit code %d after SIGTERM", m.process.PID(), code)
	}
	return time.Since(began)
}

// pause stops the member by SIGSTOP; resume lets it continue.
func (m *member) pause()  { m.send(syscall.SIGSTOP) }
func (m *member) resume() { m.send(syscall.SIGCONT) }

func (m *member) send(sig syscall.Signal) {
	m.t.Helper()
	if err := m.process.Signal(sig); err != nil {
		m.t.Error(err)
	}
}

// ready returns nil where /readyz says that the member is ready, and its reason otherwise.
func (m *member) ready() error {
	status, body := m.get("/readyz")
	if status == http.StatusOK {
		return nil
	}
	return fmt.Errorf("%s", strings.TrimSpace(body))
}

// metric returns the sum of a metric over the series that have all these labels, such as
// `final="true"`; 0 while the member does not answer.
func (m *member) metric(name string, labels ...string) float64 {
	_, body := m.get("/metrics")
	sum := 0.
	for lines := bufio.NewScanner(strings.NewReader(body)); lines.Scan(); {
		series, value, _ := strings.Cut(lines.Text(), " ")
		base, rest, _ := strings.Cut(series, "{")
		matches := base == name
		for _, l := range labels {
			matches = matches && strings.Contains(rest, l)
		}
		if x, err := strconv.ParseFloat(value, 64); matches && err == nil {
			sum += x
		}
	}
	return sum
}

// get sends a request to the admin address. status is 0 while the member does not answer.
func (m *member) get(path string) (status int, body string) {
	client := http.Client{Timeout: 2 * time.Second}
	resp, err := client.Get("http://" + m.admin + path)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// sampleMemory updates peakMemory.
func (m *member) sampleMemory() {
	m.peakMemory.Store(max(m.peakMemory.Load(), process.PeakMemory(m.process.PID())))
}

// eventually waits until is returns true, and returns how long that took. It fails the test
// after limit, which is a part of the row's target; a wait without one uses await.Until.
func eventually(t *testing.T, limit time.Duration, what string, is func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	await.Within(t, limit, what, is)
	return time.Since(began)
}
