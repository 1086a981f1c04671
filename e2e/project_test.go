package e2e

import (
	"bytes"
	"context"
	"fmt"
	"maps"
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
	for _, name := range []string{"KAFKA_PORT", "SHIP_METRICS_PORT", "CONN_METRICS_PORT", "SHIP_CONN_METRICS_PORT", "PROMETHEUS_PORT", "GRAFANA_PORT"} {
		p.env[name] = freePort(t)
	}
	first, _ := strconv.Atoi(freePort(t))
	p.env["METRICS_PORTS"] = fmt.Sprintf("%d-%d", first, first+9)
	maps.Copy(p.env, env)
	t.Cleanup(p.takeDown)
	return p
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// takeDown removes the project, and fails the test if something of it is left.
func (p *project) takeDown() {
	if p.t.Failed() {
		p.t.Logf("%s\n%s", p.output("ps", "-a"), p.output("logs", "--tail", "40", "--no-color"))
	}
	// Without the files' defaults: one that is wrong on purpose must not be in the way.
	if out, err := p.run(2*time.Minute, "--profile", "*", "down", "--volumes", "--timeout", "10"); err != nil {
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
