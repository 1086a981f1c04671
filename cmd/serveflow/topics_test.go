package main

import (
	"strings"
	"testing"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

// Every topic is used for one thing. Whose labels go where is known when the bundles are loaded;
// a command that loads none goes by the tasks that the settings name.
func TestTopicsMustDiffer(t *testing.T) {
	onnxtest.Library(t)
	main, beside := bundlesOf(t, map[string]string{"toy": toy, "other": toy, "other-latest": toy}), bundlesOf(t, map[string]string{"toy": toy})
	one := strings.Replace(main, taskPlace, "toy", 1)
	two := map[string]string{"SERVEFLOW_TASKS": "toy,other", "SERVEFLOW_BUNDLE": main}
	alone := map[string]string{"SERVEFLOW_BUNDLE": one} // SERVEFLOW_TASK is service, and the bundle's is toy
	clash := func(a, b, topic string) string {
		return a + " and " + b + " must differ, and both are " + topic + ": name another topic by one of them"
	}
	const input, dead, label, latest, from, to = "SERVEFLOW_TOPIC", "SERVEFLOW_DEAD_LETTER_TOPIC", "SERVEFLOW_LABEL_TOPIC", "SERVEFLOW_LATEST_TOPIC", "SERVEFLOW_REKEY_FROM", "SERVEFLOW_REKEY_TO"
	for _, c := range []struct {
		name  string
		tasks map[string]string
		env   map[string]string
		args  string
		says  string // empty: nothing is wrong
	}{
		{"input, labels of one of two", two, map[string]string{input: "serveflow.labels.other"}, "run --check", clash(input, label+" of task other", "serveflow.labels.other")},
		{"dead letters, labels of one of two", two, map[string]string{dead: "serveflow.labels.toy"}, "run --check", clash(dead, label+" of task toy", "serveflow.labels.toy")},
		{"input, labels of the bundle's task", alone, map[string]string{input: "serveflow.labels.toy"}, "run --check", clash(input, label+" of task toy", "serveflow.labels.toy")},
		{"input, labels, by the flag", nil, map[string]string{input: "serveflow.labels.toy"}, "run --check --bundle " + one, clash(input, label+" of task toy", "serveflow.labels.toy")},
		{"input, dead letters", two, map[string]string{dead: packetsTopic}, "run --check", clash(input, dead, packetsTopic)},
		{"latest of one, labels of the other", map[string]string{"SERVEFLOW_TASKS": "other,other-latest", "SERVEFLOW_BUNDLE": main},
			map[string]string{label: "l.<task>", latest: "l.<task>-latest"}, "run --check", clash(latest+" of task other", label+" of task other-latest", "l.other-latest")},
		{"latest, input", alone, map[string]string{latest: packetsTopic}, "run --check", clash(input, latest+" of task toy", packetsTopic)},
		{"latest, labels", alone, map[string]string{latest: "serveflow.labels.toy"}, "run --check", clash(label+" of task toy", latest+" of task toy", "serveflow.labels.toy")},
		{"latest, labels of both", two, map[string]string{latest: "serveflow.labels.<task>"}, "run --check", clash(label+" of task toy", latest+" of task toy", "serveflow.labels.toy")},
		{"shadow, dead letters", two, map[string]string{"SERVEFLOW_SHADOW": beside, dead: "serveflow.labels.toy.shadow"}, "run --check",
			clash(dead, label+" of the shadow of task toy", "serveflow.labels.toy.shadow")},
		{"shadow, latest", two, map[string]string{"SERVEFLOW_SHADOW": beside, label: "l.<task>", latest: "l.<task>.shadow"}, "run --check",
			clash(latest+" of task toy", label+" of the shadow of task toy", "l.toy.shadow")},
		{"rekeyed, labels of one of two", two, map[string]string{from: "raw", to: "serveflow.labels.other"}, "run --check", clash(to, label+" of task other", "serveflow.labels.other")},
		{"not keyed, labels, by the flag", alone, nil, "run --check --rekey serveflow.labels.toy", clash(from, label+" of task toy", "serveflow.labels.toy")},
		{"rekey alone, labels of one of two", two, map[string]string{to: "serveflow.labels.other"}, "rekey --check raw", clash(to, label+" of task other", "serveflow.labels.other")},
		{"ship, labels of one of two", two, map[string]string{input: "serveflow.labels.other"}, "ship nothing.log", clash(input, label+" of task other", "serveflow.labels.other")},
		{"send, labels of one of two", two, map[string]string{input: "serveflow.labels.other"}, "send " + labFile, clash(input, label+" of task other", "serveflow.labels.other")},
		{"doctor, labels of one of two", two, map[string]string{input: "serveflow.labels.other"}, "doctor", clash(input, label+" of task other", "serveflow.labels.other")},
		{"demo, labels", alone, map[string]string{label: packetsTopic}, "demo", clash(input, label+" of task toy", packetsTopic)},
		{"one topic for the labels of two", two, map[string]string{label: labelsTopic}, "run --check", label + "=" + labelsTopic + " cannot be that of each of the tasks toy,other: write <task> where"},

		{"input that is the labels of a task that is not asked", two, map[string]string{input: labelsTopic}, "run --check", ""},
		{"input that is the labels of a task that the bundle is not of", alone, map[string]string{input: labelsTopic}, "run --check", ""},
		{"rekeyed into the labels of a task that the bundle is not of", alone, map[string]string{to: labelsTopic}, "rekey --check raw", ""},
		{"input that is not read where records are rekeyed", alone, map[string]string{input: "raw", from: "raw"}, "run --check", ""},
		{"label topic that is the one of no setting", alone, map[string]string{label: labelsTopic}, "run --check", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := map[string]string{"SERVEFLOW_BROKERS": "127.0.0.1:1", "SERVEFLOW_START_TIMEOUT": "1ms"}
			for _, of := range []map[string]string{c.tasks, c.env} {
				for name, value := range of {
					env[name] = value
				}
			}
			code, stdout, stderr := runCommand(t, env, "", strings.Fields(c.args)...)
			if c.says == "" && (code != exitOK || stderr != "") || c.says != "" && (code != exitUsage || !strings.Contains(stderr, c.says)) {
				t.Errorf("exit code %d, %s%s does not say %q", code, stdout, stderr, c.says)
			}
			if want := "-> " + labelsTopic + ","; c.env[label] == labelsTopic && code == exitOK && !strings.Contains(stdout, want) {
				t.Errorf("%s does not say %q", stdout, want)
			}
		})
	}
}
