package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/cascade/shadow"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

const shadowsTopic = labelsTopic + ".shadow"

// replayedBy gives the labels of a bundle, by uid.
func replayedBy(t *testing.T, dir string) map[string]map[string]any {
	t.Helper()
	return replayedWith(t, map[string]string{"SERVEFLOW_BUNDLE": dir}, labFile)
}

// shadowed reads the shadow's labels.
func shadowed(t *testing.T, addr string) map[string][]map[string]any {
	t.Helper()
	all := map[string][]map[string]any{}
	for _, m := range kafkatest.ReadAll(t, addr, shadowsTopic) {
		var fields map[string]any
		if err := json.Unmarshal(m.Value, &fields); err != nil {
			t.Fatal(err)
		}
		delete(fields, "ts_label")
		delete(fields, "compute_us")
		all[string(m.Key)] = append(all[string(m.Key)], fields)
	}
	return all
}

// withShadow are the settings of a member with a shadow, where load changes no label.
func withShadow(addr, admin string) map[string]string {
	return map[string]string{"SERVEFLOW_BROKERS": addr, "SERVEFLOW_ADMIN": admin, "SERVEFLOW_BUNDLE": toy, "SERVEFLOW_SHADOW": ruled, "SERVEFLOW_SHADOW_SHARE": "0.5",
		"SERVEFLOW_ADAPT": "off", "SERVEFLOW_LATENCY_OBJECTIVE": "1h", "SERVEFLOW_SLOW_WAIT": "1h"}
}

// inShare are the labels of the flows in a share.
func inShare(all map[string]map[string]any, share shadow.Share) map[string]map[string]any {
	part := map[string]map[string]any{}
	for uid, label := range all {
		if share.Has(uid) {
			part[uid] = label
		}
	}
	return part
}

// The shadow's labels are those that its bundle gives by itself, for its share of the flows; the
// main bundle's are what they are without it, also while the shadow's cannot be written.
func TestRunWithAShadow(t *testing.T) {
	onnxtest.Library(t)
	t.Chdir(repositoryRoot(t))
	want, wantShadow := replayedBy(t, toy), inShare(replayedBy(t, ruled), .5)
	for _, c := range []struct {
		name       string
		partitions int32
		off, shut  bool
	}{{"none", 3, true, false}, {"one partition", 1, false, false}, {"three partitions", 3, false, false}, {"cannot be written, one partition", 1, false, true}, {"cannot be written, three", 3, false, true}} {
		t.Run(c.name, func(t *testing.T) {
			topics := []string{labelsTopic, packetsTopic + ".dlq"}
			if !c.off {
				topics = append(topics, shadowsTopic)
			}
			addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(c.partitions, packetsTopic), kfake.SeedTopics(1, topics...))
			admin := freeAddress(t)
			env := withShadow(addr, admin)
			if c.off {
				delete(env, "SERVEFLOW_SHADOW")
			}
			if c.shut {
				shutTopic(cluster, shadowsTopic)
				env["SERVEFLOW_SINK_QUEUE"] = "10"
			}
			sendLab(t, addr)
			stop := startHere(t, env)
			await.Until(t, "all labels", func() bool { return len(labelled(t, addr)) == len(want) })
			records := int64(len(recordLines(t, labFile)))
			await.Until(t, "all is committed", func() bool {
				committed := int64(0)
				for _, offset := range kafkatest.CommittedOffsets(t, addr, "serveflow.service", packetsTopic) {
					committed += offset
				}
				return committed == records
			})
			sameAsReplayed(t, want, labelled(t, addr))
			if status, body := get(admin, "/readyz"); status != http.StatusOK {
				t.Errorf("/readyz: %d %s", status, body)
			}
			_, metrics := get(admin, "/metrics")
			if c.off {
				if strings.Contains(metrics, "shadow") {
					t.Error("there are metrics of a shadow")
				}
				stop()
				return
			}
			await.Until(t, "all are compared", func() bool {
				_, metrics = get(admin, "/metrics")
				return metric(metrics, "serveflow_shadow_pairs_total", "") == float64(len(wantShadow))
			})
			if n := metric(metrics, "serveflow_labels_total", ""); n != float64(len(want)) {
				t.Errorf("%v labels are counted for the main bundle, want %d", n, len(want))
			}
			dropped := metric(metrics, "serveflow_shadow_labels_dropped_total", "")
			if c.shut {
				if dropped == 0 || dropped > float64(len(wantShadow)-10) {
					t.Errorf("%v of the shadow's %d labels were dropped", dropped, len(wantShadow))
				}
				stop()
				return
			}
			await.Until(t, "the shadow's labels", func() bool { return len(shadowed(t, addr)) == len(wantShadow) })
			sameAsReplayed(t, wantShadow, shadowed(t, addr))
			agree := 0
			for uid, label := range wantShadow {
				if label["label"] == want[uid]["label"] {
					agree++
				}
			}
			same := 0.
			for _, class := range []string{"dns", "http", "tls", "unknown"} {
				same += max(0, metric(metrics, "serveflow_shadow_pairs_total", `main="`+class+`",shadow="`+class+`"`))
			}
			if same != float64(agree) || dropped != 0 || metric(metrics, "serveflow_shadow_deferred_total", "") <= 0 || metric(metrics, "serveflow_shadow_stage_compute_seconds_count", "") <= 0 {
				t.Errorf("%v pairs agree, want %d; %v dropped", same, agree, dropped)
			}
			stop()
		})
	}
}

// A member that is killed while the shadow is asked loses no main label.
func TestACrashBesideAShadow(t *testing.T) {
	onnxtest.Library(t)
	t.Chdir(repositoryRoot(t))
	exe, want := binary(t), replayedBy(t, toy)
	addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(3, packetsTopic), kfake.SeedTopics(1, labelsTopic, shadowsTopic, packetsTopic+".dlq"))
	open := shutTopic(cluster, labelsTopic)
	member := func() *member {
		var env []string
		for name, value := range withShadow(addr, "") {
			env = append(env, name+"="+value)
		}
		return start(t, exe, append(env, "SERVEFLOW_SESSION_TIMEOUT=3s", "SERVEFLOW_DRAIN_TIMEOUT=1s", "SERVEFLOW_COMMIT_EVERY=10ms"), "run")
	}
	sendLab(t, addr)
	first := member()
	await.Until(t, "labels of the shadow, and none of the main bundle", func() bool { return len(shadowed(t, addr)) > 0 })
	first.Process.Kill()
	first.Wait()
	for partition, offset := range kafkatest.CommittedOffsets(t, addr, "serveflow.service", packetsTopic) {
		if offset > 0 {
			t.Errorf("partition %d: committed %d, and no label is written", partition, offset)
		}
	}
	open.Store(true)
	second := member()
	await.Until(t, "all labels", func() bool { return len(labelled(t, addr)) == len(want) })
	sameAsReplayed(t, want, labelled(t, addr))
	stop(t, second)
}

// Another bundle in the shadow's folder is served as any other.
func TestAShadowIsReloaded(t *testing.T) {
	onnxtest.Library(t)
	t.Chdir(repositoryRoot(t))
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, packetsTopic, labelsTopic, shadowsTopic, packetsTopic+".dlq"))
	link, admin := filepath.Join(t.TempDir(), "..data"), freeAddress(t)
	pointTo(t, link, versionOf(t, "1"))
	env := withShadow(addr, admin)
	env["SERVEFLOW_SHADOW"], env["SERVEFLOW_RELOAD_EVERY"] = link, "20ms"
	stop := startHere(t, env)
	awaitReady(t, admin)
	pointTo(t, link, versionOf(t, "2"))
	await.Until(t, "the other shadow", func() bool {
		_, metrics := get(admin, "/metrics")
		return metric(metrics, "serveflow_bundle_reloads_total", `outcome="swapped",task="service\.shadow"`) == 1
	})
	stop()
}

// What cannot be a shadow is refused by name, before anything starts.
func TestShadowsThatAreRefused(t *testing.T) {
	onnxtest.Library(t)
	two := filepath.Dir(bundlesOf(t, map[string]string{"toy": toy, "other": toy}))
	topics, _ := kafkatest.Fake(t, kfake.SeedTopics(1, packetsTopic, labelsTopic, packetsTopic+".dlq"))
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"SERVEFLOW_SHADOW": "nowhere"}, "SERVEFLOW_SHADOW: bundle nowhere: "},
		{map[string]string{"SERVEFLOW_SHADOW": "bundles/service-conn"}, `SERVEFLOW_SHADOW: bundle bundles/service-conn: manifest.json: task: it is "service-conn", and that of the main bundle ` + toy + ` is "service": name`},
		{map[string]string{"SERVEFLOW_SHADOW": toy, "SERVEFLOW_SHADOW_SHARE": "1.5"}, "SERVEFLOW_SHADOW_SHARE is 1.5: choose a number from 0 to 1"},
		{map[string]string{"SERVEFLOW_SHADOW": toy, "SERVEFLOW_SHADOW_SHARE": "NaN"}, "SERVEFLOW_SHADOW_SHARE is NaN"},
		{map[string]string{"SERVEFLOW_SHADOW": toy, "SERVEFLOW_DEAD_LETTER_TOPIC": shadowsTopic}, "SERVEFLOW_DEAD_LETTER_TOPIC and SERVEFLOW_LABEL_TOPIC of the shadow of task service must differ, and both are " + shadowsTopic},
		{map[string]string{"SERVEFLOW_SHADOW": toy, "SERVEFLOW_TASKS": "toy,other", "SERVEFLOW_BUNDLE": two + "/<task>"}, "SERVEFLOW_SHADOW=" + toy + " cannot be that of each"},
		{map[string]string{"SERVEFLOW_SHADOW": two + "/no/<task>", "SERVEFLOW_TASKS": "toy,other", "SERVEFLOW_BUNDLE": two + "/<task>"}, "no task has a bundle there"},
		{map[string]string{"SERVEFLOW_SHADOW": toy, "SERVEFLOW_BROKERS": topics, "SERVEFLOW_START_TIMEOUT": "100ms", "SERVEFLOW_ADMIN": ""},
			"topic " + shadowsTopic + " is missing: create it, or name another by SERVEFLOW_LABEL_TOPIC, or empty SERVEFLOW_SHADOW"},
	} {
		if c.env["SERVEFLOW_BUNDLE"] == "" {
			c.env["SERVEFLOW_BUNDLE"] = toy
		}
		args := []string{"run", "--check"}
		if c.env["SERVEFLOW_BROKERS"] != "" {
			args = args[:1]
		}
		if code, _, stderr := runCommand(t, c.env, "", args...); code == exitOK || !strings.Contains(stderr, c.want) {
			t.Errorf("exit code %d, %q does not say %q", code, stderr, c.want)
		}
	}
	of := task{settings: &Settings{Shadow: "other"}, dir: "dir", spec: &cascade.Spec{Task: "service"}}
	const want = `bundle other: manifest.json: input: it is "conn", and that of the main bundle dir is "packets": name`
	if err := of.fitsShadow(&cascade.Spec{Task: "service", Conns: true}); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// Of several tasks one may have a shadow; its depth counts for the flow tables.
func TestOneOfSeveralTasksHasAShadow(t *testing.T) {
	onnxtest.Library(t)
	main, beside := bundlesOf(t, map[string]string{"toy": toy, "other": toy}), bundlesOf(t, map[string]string{"toy": ruled})
	code, stdout, stderr := runCommand(t, map[string]string{"SERVEFLOW_TASKS": "other,toy", "SERVEFLOW_BUNDLE": main, "SERVEFLOW_SHADOW": beside}, "", "run", "--check")
	if code != exitOK || strings.Count(stdout, "and its shadow: toy@") != 1 || !strings.Contains(stdout, " -> serveflow.labels.toy.shadow, ") || strings.Count(stdout, "\n") != 3 {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
	stages := func(depth int) *cascade.Spec { return &cascade.Spec{Stages: []cascade.Stage{{Depth: depth}}} }
	all := tasks{{spec: stages(3)}, {spec: stages(5), shadow: &task{spec: stages(7)}}, {spec: stages(4), shadow: &task{spec: stages(2)}}}
	if depth, want := all.depth(); depth != 7 || want != 2 {
		t.Errorf("%d packets are kept and %d waited for, want 7 and 2", depth, want)
	}
	if cfg := (&Settings{}).flow(tasks{{spec: stages(3)}, {spec: stages(5), shadow: &task{spec: stages(7)}}}); cfg.Tasks != 2 || cfg.Shadows != 1 || cfg.Rules.Depth != 7 || cfg.Rules.Opens != 5 {
		t.Errorf("%d tasks, %d shadows, %+v", cfg.Tasks, cfg.Shadows, cfg.Rules)
	}
}

// The memory of a second bundle is set aside.
func TestAShadowHasMemory(t *testing.T) {
	s, err := loadSettings()
	if err != nil {
		t.Fatal(err)
	}
	without, _ := s.budget()
	s.Shadow = toy
	if with, err := s.budget(); err != nil || with.Flows >= without.Flows {
		t.Errorf("open flows have %v, and with a shadow %v: %v", without.Flows, with.Flows, err)
	}
}

// The doctor looks for the shadow's topic and bundle too.
func TestDoctorLooksAtAShadow(t *testing.T) {
	onnxtest.Library(t)
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, packetsTopic, labelsTopic, packetsTopic+".dlq"))
	for dir, want := range map[string]string{toy: "topic " + shadowsTopic, "nowhere": "name another by SERVEFLOW_SHADOW"} {
		env := map[string]string{"SERVEFLOW_BROKERS": addr, "SERVEFLOW_BUNDLE": toy, "SERVEFLOW_SHADOW": dir}
		if code, stdout, stderr := runCommand(t, env, "", "doctor"); code != exitFail || !strings.Contains(stdout, want) {
			t.Errorf("exit code %d, %s%s does not say %q", code, stdout, stderr, want)
		}
	}
}
