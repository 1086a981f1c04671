package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// versionOf copies the toy bundle under another version.
func versionOf(t *testing.T, name string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	manifest := filepath.Join(dir, "manifest.json")
	err := os.CopyFS(dir, os.DirFS(filepath.Join(repositoryRoot(t), toy)))
	text, failed := os.ReadFile(manifest)
	changed := bytes.Replace(text, []byte(`"version": "test 1"`), []byte(`"version": "test `+name+`"`), 1)
	if err := errors.Join(err, failed, os.WriteFile(manifest, changed, 0o644)); err != nil || name != "1" && bytes.Equal(text, changed) {
		t.Fatal("no other version was made: ", err)
	}
	return dir
}

// pointTo has a link lead to a folder.
func pointTo(t *testing.T, link, dir string) {
	t.Helper()
	if err := errors.Join(os.Symlink(dir, link+"_tmp"), os.Rename(link+"_tmp", link)); err != nil {
		t.Fatal(err)
	}
}

// Where the folder comes to hold another bundle, new flows are labelled by that one, without
// a restart; back again as well. One that is damaged is refused: the one before serves on,
// and /readyz says why.
func TestBundlesAreReloaded(t *testing.T) {
	onnxtest.Library(t)
	t.Chdir(repositoryRoot(t))
	for _, c := range []struct {
		every string
		ask   func()
	}{{"20ms", func() {}}, {"0", func() { syscall.Kill(os.Getpid(), syscall.SIGHUP) }}} {
		t.Run("every "+c.every, func(t *testing.T) {
			link := filepath.Join(t.TempDir(), "..data")
			one, two, damaged := versionOf(t, "1"), versionOf(t, "2"), versionOf(t, "3")
			if err := os.WriteFile(filepath.Join(damaged, "first.txt"), []byte("cut"), 0o644); err != nil {
				t.Fatal(err)
			}
			pointTo(t, link, one)
			addr, _ := kafkatest.Fake(t, kfake.SeedTopics(3, packetsTopic, labelsTopic), kfake.SeedTopics(1, packetsTopic+".dlq"))
			admin := freeAddress(t)
			stop := startHere(t, map[string]string{"SERVEFLOW_BROKERS": addr, "SERVEFLOW_ADMIN": admin, "SERVEFLOW_BUNDLE": link, "SERVEFLOW_RELOAD_EVERY": c.every})
			awaitReady(t, admin)
			flows := 0
			serves := func(bundle string) {
				t.Helper()
				sendLab(t, addr, "--again")
				before := flows
				flows += len(replayedLabels(t, labFile))
				await.Until(t, "labels of "+bundle, func() bool { return len(kafkatest.ReadAll(t, addr, labelsTopic)) >= flows })
				counted := map[string]int{}
				for _, m := range kafkatest.ReadAll(t, addr, labelsTopic) {
					var label struct{ Bundle string }
					if err := json.Unmarshal(m.Value, &label); err != nil {
						t.Fatal(err)
					}
					counted[label.Bundle]++
				}
				t.Logf("%v", counted)
				if counted["service@test 3"] != 0 || counted[bundle] < flows-before {
					t.Errorf("%d flows since: %v", flows-before, counted)
				}
			}
			is := func(outcome string, n float64) {
				t.Helper()
				await.Until(t, outcome, func() bool {
					_, metrics := get(admin, "/metrics")
					return metric(metrics, "serveflow_bundle_reloads_total", `outcome="`+outcome+`"`) == n && metric(metrics, "serveflow_bundles_held", "") == 1
				})
			}
			serves("service@test 1")
			pointTo(t, link, two)
			c.ask()
			is("swapped", 1)
			serves("service@test 2")
			pointTo(t, link, damaged)
			c.ask()
			is("refused", 1)
			status, body := get(admin, "/readyz")
			if want := "ready\ntask service: the bundle in its folder is refused, and the one before it serves on: bundle " + link + ": first.txt: "; status != http.StatusOK || !strings.HasPrefix(body, want) {
				t.Errorf("/readyz: %d %q, want %q", status, body, want)
			}
			serves("service@test 2")
			pointTo(t, link, one)
			c.ask()
			is("swapped", 2)
			serves("service@test 1")
			if _, body := get(admin, "/readyz"); body != "ready\n" {
				t.Errorf("/readyz says %q", body)
			}
			stop()
		})
	}
}

// What is fixed at the start cannot be changed by a bundle.
func TestBundlesThatDoNotFit(t *testing.T) {
	stages := func(depths ...int) (all []cascade.Stage) {
		for _, depth := range depths {
			all = append(all, cascade.Stage{Name: "s", Depth: depth})
		}
		return all
	}
	r := &replacement{task: task{dir: "dir", spec: &cascade.Spec{Task: "service", Classes: []string{"a"}, Stages: stages(2, 5)}}, depth: 5, want: 2}
	for _, c := range []struct {
		spec cascade.Spec
		want string
	}{
		{cascade.Spec{Task: "service", Classes: []string{"a", "b"}, Stages: stages(2, 3, 5)}, ""},
		{cascade.Spec{Task: "service", Stages: stages(4)}, ""},
		{cascade.Spec{Task: "device", Stages: stages(2, 5)}, `bundle dir: manifest.json: task: it is "device", and this folder's is "service": put`},
		{cascade.Spec{Task: "service", Conns: true, Stages: stages(1)}, `bundle dir: manifest.json: input: it is "conn", and this process reads "packets": put`},
		{cascade.Spec{Task: "service", Stages: stages(2, 6)}, `bundle dir: manifest.json: depth: its stages look at 6 packets, and one in this folder may look at 5 of a flow since the process started: restart`},
		{cascade.Spec{Task: "service", Stages: stages(1, 5)}, `bundle dir: manifest.json: depth: its stage s looks at 1 packets, and this process waits for 2 of a flow since its start: restart`},
	} {
		got := ""
		if err := r.fits(&c.spec); err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// A main bundle may be no deeper than those at the start, though a shadow was: the flow tables
// then let no packet beyond them begin a flow, so some flows would have no label. A shadow may.
func TestADeepShadowDoesNotFitAsMain(t *testing.T) {
	of := func(name string, depths ...int) *cascade.Spec {
		s := &cascade.Spec{Task: name}
		for _, depth := range depths {
			s.Stages = append(s.Stages, cascade.Stage{Depth: depth})
		}
		return s
	}
	all := tasks{{spec: of("service", 1, 2), shadow: &task{spec: of("service", 1, 5)}}, {spec: of("device", 1, 3)}}
	p := &pipeline{cascades: make(cascade.Tasks, 3), builders: make([]builder, 3)}
	if opens := (&Settings{}).flow(all).Rules.Opens; opens != 3 {
		t.Errorf("a flow may begin with %d packets", opens)
	}
	for i, may := range []int{3, 3, 5} {
		r := replacements(all, p)[i]
		if err := r.fits(of(r.task.spec.Task, 1, may)); err != nil {
			t.Errorf("folder %d: %v", i, err)
		}
		if err := r.fits(of(r.task.spec.Task, 1, may+1)); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("may look at %d of a flow", may)) {
			t.Errorf("folder %d, %d packets: %v", i, may+1, err)
		}
	}
}
