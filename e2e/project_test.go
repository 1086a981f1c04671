package e2e

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// project is one instance of the compose file: its own name, ports and volumes.
type project struct {
	t    *testing.T
	name string
	dir  string            // the checkout with docker-compose.yml
	env  map[string]string // what an operator would write into .env
}

// newProject returns a project that is taken down when the test ends, with nothing left.
func newProject(t *testing.T, env map[string]string) *project {
	requireEngine(t)
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	p := &project{t: t, name: "serveflow-e2e-" + strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name())), dir: root, env: map[string]string{}}
	first := freePorts(t, 16)
	for i, name := range []string{"KAFKA_PORT", "SHIP_METRICS_PORT", "CONN_METRICS_PORT", "SHIP_CONN_METRICS_PORT", "PROMETHEUS_PORT", "GRAFANA_PORT"} {
		p.env[name] = strconv.Itoa(first + i)
	}
	p.env["METRICS_PORTS"] = fmt.Sprintf("%d-%d", first+6, first+15)
	maps.Copy(p.env, env)
	t.Cleanup(p.takeDown)
	return p
}

// freePorts returns the first of n ports in a row that nobody listens on. They lie below
// those that the system gives to connections: one of those could take a port while a
// container that publishes it restarts.
func freePorts(t *testing.T, n int) (first int) {
	for first = 20000 + rand.IntN(5000); first < 32000; first += n {
		free := true
		for port := first; port < first+n; port++ {
			l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
			if err == nil {
				l.Close()
			}
			free = free && err == nil
		}
		if free {
			return first
		}
	}
	t.Fatal("no free ports")
	return 0
}

// takeDown removes the project, and fails the test if something of it is left.
func (p *project) takeDown() {
	if p.t.Failed() {
		p.t.Logf("%s\n%s", p.output("ps", "-a"), p.output("logs", "--tail", "40", "--no-color"))
	}
	// Without the files' defaults: one that is wrong on purpose must not be in the way.
	if out, err := p.run(2*time.Minute, "--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "10"); err != nil {
		p.t.Errorf("down: %v\n%s", err, out)
	}
	for _, kind := range []string{"container", "volume", "network"} {
		args := []string{kind, "ls", "--quiet", "--filter", "label=com.docker.compose.project=" + p.name}
		if kind == "container" {
			args = append(args, "--all")
		}
		if left, err := docker(time.Minute, args...); err != nil || left != "" {
			p.t.Errorf("%ss are left: %s %v", kind, left, err)
		}
	}
}

// docker runs the engine's client and returns what it wrote to standard output.
func docker(limit time.Duration, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("docker %s: %w: %s", strings.Join(args, " "), err, errs.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// command is docker compose for this project.
func (p *project) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "docker", append([]string{"compose", "--project-name", p.name, "--ansi", "never", "--progress", "plain"}, args...)...)
	cmd.Dir = p.dir
	cmd.Env = os.Environ()
	for _, name := range slices.Sorted(maps.Keys(p.env)) {
		cmd.Env = append(cmd.Env, name+"="+p.env[name])
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	return cmd
}

// run runs docker compose for at most limit, and returns all that it wrote.
func (p *project) run(limit time.Duration, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	out, err := p.command(ctx, args...).CombinedOutput()
	if ctx.Err() != nil {
		err = fmt.Errorf("not done within %v: %w", limit, err)
	}
	return string(out), err
}

// must is run where a failure ends the test.
func (p *project) must(limit time.Duration, args ...string) string {
	p.t.Helper()
	out, err := p.run(limit, args...)
	if err != nil {
		p.t.Fatalf("docker compose %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (p *project) output(args ...string) string {
	out, err := p.run(time.Minute, args...)
	if err != nil {
		return out + err.Error()
	}
	return out
}
