package main

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// trialOf waits for a process in which a member tries a bundle out; not one of those seen. It
// looks often: a trial takes less than a second.
func trialOf(t *testing.T, m *member, seen map[int]bool) (pid int) {
	t.Helper()
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(time.Millisecond) {
		lists, _ := filepath.Glob("/proc/" + strconv.Itoa(m.Process.Pid) + "/task/*/children")
		for _, list := range lists {
			text, _ := os.ReadFile(list) // its thread may have ended
			for child := range strings.FieldsSeq(string(text)) {
				if pid, _ = strconv.Atoi(child); !seen[pid] {
					seen[pid] = true
					return pid
				}
			}
		}
	}
	t.Fatal("waited 30s in vain for a trial of a bundle")
	return 0
}

// SIGHUP ends no member, also not one that starts; and no bundle is refused because the process
// that tries it out gets the signal too, even before that takes it.
func TestHangupEndsNoMember(t *testing.T) {
	onnxtest.Library(t)
	if _, err := os.Stat("/proc/self/task"); err != nil {
		t.Skip("this system has no /proc to find a trial in")
	}
	dir, link := filepath.Join(repositoryRoot(t), "bundles", "service"), filepath.Join(t.TempDir(), "..data")
	pointTo(t, link, dir)
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, packetsTopic, labelsTopic, packetsTopic+".dlq"))
	admin := freeAddress(t)
	m := start(t, binary(t), []string{"SERVEFLOW_BROKERS=" + addr, "SERVEFLOW_ADMIN=" + admin, "SERVEFLOW_BUNDLE=" + link, "SERVEFLOW_RELOAD_EVERY=0"}, "run")
	seen := map[int]bool{}
	hangUp := func() {
		t.Helper()
		trial := trialOf(t, m, seen)
		syscall.Kill(trial, syscall.SIGHUP) // it may have ended
		if err := m.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	hangUp()
	awaitReady(t, admin)
	two := t.TempDir()
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	changed := bytes.Replace(manifest, []byte(`"version": "`), []byte(`"version": "another `), 1)
	if err := errors.Join(err, os.CopyFS(two, os.DirFS(dir)), os.WriteFile(filepath.Join(two, "manifest.json"), changed, 0o644)); err != nil {
		t.Fatal(err)
	}
	for i, to := range []string{two, dir, two, dir} {
		pointTo(t, link, to)
		if err := m.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		hangUp()
		await.Until(t, "the other bundle", func() bool {
			_, metrics := get(admin, "/metrics")
			if metric(metrics, "serveflow_bundle_reloads_total", `outcome="refused"`) > 0 {
				t.Fatal("it is refused")
			}
			return metric(metrics, "serveflow_bundle_reloads_total", `outcome="swapped"`) == float64(i+1)
		})
		await.Until(t, "one bundle in memory", func() bool {
			_, metrics := get(admin, "/metrics")
			return metric(metrics, "serveflow_bundles_held", "") == 1
		})
	}
	stop(t, m)
}

// ship and rekey have nothing to look at, and work on.
func TestHangupEndsNoOtherCommand(t *testing.T) {
	exe, dir := binary(t), t.TempDir()
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, packetsTopic, packetsTopic+".dlq", unkeyedTopic, byUIDTopic, unkeyedTopic+".dlq"))
	log := filepath.Join(dir, "x.log")
	if err := os.WriteFile(log, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for setting, args := range map[string][]string{"SERVEFLOW_SHIP_ADMIN": {"ship", log}, "SERVEFLOW_REKEY_ADMIN": {"rekey", unkeyedTopic}} {
		admin := freeAddress(t)
		m := start(t, exe, []string{"SERVEFLOW_BROKERS=" + addr, setting + "=" + admin, "SERVEFLOW_SHIP_STATE=" + filepath.Join(dir, "ship.json")}, args...)
		awaitReady(t, admin)
		for range 3 {
			if err := m.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond) // where it ends a process, that takes a moment
			if status, body := get(admin, "/readyz"); status != http.StatusOK {
				t.Fatalf("%s: %d %s", args[0], status, body)
			}
		}
		stop(t, m)
	}
}

// A trial that gets the signal again and again goes on to its result.
func TestHangupEndsNoTrial(t *testing.T) {
	onnxtest.Library(t)
	m := start(t, binary(t), nil, "bundle", "try", filepath.Join(repositoryRoot(t), "bundles", "service"))
	await.Until(t, "a first check", func() bool { return m.log.String() != "" })
	ended := make(chan error, 1)
	go func() { ended <- m.Wait() }()
	for signals := 0; ; signals++ {
		select {
		case err := <-ended:
			if err != nil || signals < 10 || !strings.Contains(m.log.String(), `"digest"`) {
				t.Errorf("after %d signals: %v", signals, err)
			}
			return
		case <-time.After(time.Millisecond):
			m.Process.Signal(syscall.SIGHUP) // it may have ended
		}
	}
}
