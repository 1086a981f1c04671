package faults

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
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

	"github.com/serveflow/serveflow/internal/process"
)

// built is the one binary, made when the first row needs it.
var built struct {
	once sync.Once
	dir  string
	err  error
}

const repository = "../.."

// executable is the path of the serveflow under test.
func executable(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "faults"); built.err != nil {
			return
		}
		build := exec.Command("go", "build", "-o", filepath.Join(built.dir, "serveflow"), "./cmd/serveflow")
		build.Dir = repository
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "serveflow")
}

// member is one `serveflow run`, or another subcommand, in a process of its own.
type member struct {
	*process.Process
	t     *testing.T
	admin string       // address of its metrics
	log   string       // file
	peak  atomic.Int64 // bytes resident at most, as far as seen
}

// startMember starts a subcommand at the repository's root with these settings and
// no others.
func startMember(t *testing.T, settings []string, args ...string) *member {
	t.Helper()
	m := &member{t: t, admin: freeAddress(t), log: filepath.Join(t.TempDir(), "log")}
	cmd := exec.Command(executable(t), args...)
	cmd.Dir = repository
	cmd.Env = append(environment("SERVEFLOW_ADMIN="+m.admin), settings...)
	var err error
	if m.Process, err = process.Start(cmd, m.log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.Kill()
		if t.Failed() {
			text := m.text()
			t.Logf("pid %d, serveflow %s:\n%s", m.PID(), strings.Join(args, " "), text[max(0, len(text)-8<<10):])
		}
	})
	return m
}

// text is what the member has logged.
func (m *member) text() string {
	text, _ := os.ReadFile(m.log)
	return string(text)
}

// environment is ours without serveflow's settings, and with those given.
func environment(settings ...string) []string {
	var env []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "SERVEFLOW_") {
			env = append(env, variable)
		}
	}
	return append(env, settings...)
}

// stop asks the member to drain and gives how long that took. It must end well.
func (m *member) stop() time.Duration {
	m.t.Helper()
	began := time.Now()
	m.Stop(time.Minute)
	if code := m.ExitCode(); code != 0 {
		m.t.Errorf("pid %d: exit code %d after SIGTERM", m.PID(), code)
	}
	return time.Since(began)
}

// pause halts the member where it is; resume lets it go on.
func (m *member) pause()  { m.send(syscall.SIGSTOP) }
func (m *member) resume() { m.send(syscall.SIGCONT) }

func (m *member) send(sig syscall.Signal) {
	m.t.Helper()
	if err := m.Signal(sig); err != nil {
		m.t.Error(err)
	}
}

// ready gives what /readyz says: nil if the member is at work, else why not.
func (m *member) ready() error {
	status, body := m.get("/readyz")
	if status == http.StatusOK {
		return nil
	}
	return fmt.Errorf("%s", strings.TrimSpace(body))
}

// metric sums a metric over its series whose labels contain all of what is given,
// such as `final="true"`; 0 while nothing answers.
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

// get asks the admin address; status 0 while nothing answers.
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

// observe notes the most memory that the member has had resident.
func (m *member) observe() {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.PID()))
	_, rest, found := bytes.Cut(status, []byte("VmHWM:"))
	if fields := bytes.Fields(rest); found && len(fields) > 0 {
		kib, _ := strconv.ParseInt(string(fields[0]), 10, 64)
		m.peak.Store(max(m.peak.Load(), kib<<10))
	}
}

// freeAddress is a loopback address that nobody listens on just now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// eventually waits until something is so, and fails where it takes too long.
func eventually(t *testing.T, atMost time.Duration, what string, is func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !is() {
		if time.Since(began) > atMost {
			t.Fatalf("waited %v in vain: %s", atMost, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return time.Since(began)
}
