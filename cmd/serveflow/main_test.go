package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

// runCommand runs a subcommand in this process, from the repository's root, with
// settings and standard input given.
func runCommand(t *testing.T, env map[string]string, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return runCommandIn(t.Context(), t, env, stdin, args...)
}

func runCommandIn(ctx context.Context, t *testing.T, env map[string]string, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	t.Chdir(repositoryRoot(t))
	for _, name := range knownSettings() {
		if value, ok := os.LookupEnv(name); ok {
			t.Setenv(name, value) // put back at the end
			os.Unsetenv(name)
		}
	}
	for name, value := range env {
		t.Setenv(name, value)
	}
	var out, errs bytes.Buffer
	code = dispatch(ctx, terminal{strings.NewReader(stdin), &out, &errs}, args)
	return code, out.String(), errs.String()
}

func repositoryRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	t.Fatal("not below a go.mod")
	return ""
}

// Each fault in settings or arguments is one clear line that names the thing and
// the remedy, before anything starts, with exit code 2.
func TestBadSettingsAndArguments(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		args string
		says []string
	}{
		{"no command", nil, "", []string{"usage: serveflow COMMAND"}},
		{"unknown command", nil, "labls", []string{`no command "labls", did you mean labels?`, "serveflow help"}},
		{"unknown command, in capitals", nil, "SHIP", []string{`no command "SHIP", did you mean ship?`}},
		{"unknown command, like no other", nil, "train", []string{`no command "train": serveflow help lists them`}},
		{"unknown setting", map[string]string{"SERVEFLOW_BROKER": "x"}, "run --check", []string{"SERVEFLOW_BROKER is not a setting", "did you mean SERVEFLOW_BROKERS?"}},
		{"a setting of the wrong kind", map[string]string{"SERVEFLOW_FLOW_IDLE": "soon"}, "run --check", []string{`SERVEFLOW_FLOW_IDLE="soon"`, "Duration"}},
		{"idle of nothing", map[string]string{"SERVEFLOW_FLOW_IDLE": "0s"}, "features -", []string{"idle timeout 0s must be above 0"}},
		{"no queue", map[string]string{"SERVEFLOW_SLOW_QUEUE": "0"}, "run --check", []string{"queue is 0 flows: choose at least 1"}},
		{"no time for the slow stage", map[string]string{"SERVEFLOW_SLOW_TIMEOUT": "0s"}, "run --check", []string{"a batch of the slow stage may take 0s", "SERVEFLOW_SLOW_TIMEOUT"}},
		{"no time to wait for it", map[string]string{"SERVEFLOW_SLOW_WAIT": "-1s"}, "run --check", []string{"may wait -1s", "SERVEFLOW_SLOW_WAIT"}},
		{"no objective", map[string]string{"SERVEFLOW_LATENCY_OBJECTIVE": "0s"}, "run --check", []string{"within 0s", "SERVEFLOW_LATENCY_OBJECTIVE"}},
		{"adapts somehow", map[string]string{"SERVEFLOW_ADAPT": "maybe"}, "run --check", []string{`SERVEFLOW_ADAPT is "maybe": choose on or off`}},
		{"one topic for two things", map[string]string{"SERVEFLOW_LABEL_TOPIC": "serveflow.packets"}, "run --check", []string{"must differ", "serveflow.packets"}},
		{"no bundle", nil, "run --check --bundle nowhere", []string{"bundle nowhere", "--bundle"}},
		{"no such task", nil, "run --check --task weather", []string{"bundles/weather"}},
		{"no file named", nil, "replay", []string{"name a file, or - for standard input"}},
		{"no such file", nil, "features nowhere.jsonl", []string{"nowhere.jsonl", "no such file"}},
		{"no such stage", nil, "replay --bundle " + toy + " --stages third -", []string{"--stages third: the bundle has the stages"}},
		{"unknown flag", nil, "replay --fast -", []string{"no flag --fast"}},
		{"stray argument", nil, "run now", []string{`"now": no further arguments`}},
		{"unknown feature", nil, "features --names p1_ip_tl -", []string{"p1_ip_tl", "the nearest is \"p1_ip_"}},
		{"depth", nil, "pcap --depth 65 -", []string{"--depth 65: choose 1 to 64"}},
		{"where to begin", nil, "labels --from yesterday", []string{"--from yesterday: choose beginning or end"}},
		{"how many", nil, "labels --count -1", []string{"--count -1: choose 0 or more"}},
		{"no host", nil, "labels --host printer", []string{`--host: "printer" is no address and no network such as 10.0.0.0/8`}},
		{"speed", nil, "demo --speed 0", []string{"--speed 0: choose a number above 0"}},
		{"no ONNX Runtime", map[string]string{"SERVEFLOW_ONNXRUNTIME": "/nowhere/libonnxruntime.so"}, "run --check --bundle " + toy, []string{"/nowhere/libonnxruntime.so", "make onnxruntime"}},
		{"admin address", map[string]string{"SERVEFLOW_ADMIN": "256.0.0.1:1", "SERVEFLOW_BUNDLE": toy}, "run", []string{"SERVEFLOW_ADMIN=256.0.0.1:1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			onnxtest.Library(t)
			code, stdout, stderr := runCommand(t, c.env, "", strings.Fields(c.args)...)
			if code != exitUsage || stdout != "" {
				t.Errorf("exit code %d, standard output %q", code, stdout)
			}
			for _, words := range c.says {
				if !strings.Contains(stderr, words) {
					t.Errorf("%q does not say %q", stderr, words)
				}
			}
			if c.args != "" && strings.Count(stderr, "\n") != 1 {
				t.Errorf("more than one line: %q", stderr)
			}
		})
	}
}

// An unreachable broker is a failure while running.
func TestUnreachableBroker(t *testing.T) {
	onnxtest.Library(t)
	code, _, stderr := runCommand(t, map[string]string{"SERVEFLOW_BROKERS": "127.0.0.1:1", "SERVEFLOW_ADMIN": "", "SERVEFLOW_START_TIMEOUT": "1s", "SERVEFLOW_BUNDLE": toy}, "", "run")
	if code != exitFail || !strings.Contains(stderr, "no broker of SERVEFLOW_BROKERS=127.0.0.1:1 answers: start one, or name others") {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}

// Told to stop while it still waits for the brokers, it ends well.
func TestStoppedBeforeItWasAtWork(t *testing.T) {
	onnxtest.Library(t)
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, stop)
	code, _, stderr := runCommandIn(ctx, t, map[string]string{"SERVEFLOW_BROKERS": "127.0.0.1:1", "SERVEFLOW_ADMIN": "", "SERVEFLOW_BUNDLE": toy}, "", "run")
	if code != exitOK || stderr != "" {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}

func TestConfigListsEverySetting(t *testing.T) {
	code, stdout, _ := runCommand(t, nil, "", "config")
	if code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	for _, name := range knownSettings() {
		if !strings.Contains(stdout, name+" ") {
			t.Errorf("config does not list %s", name)
		}
	}
}
