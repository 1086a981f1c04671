package main

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// With rules of every kind, beside a task without any, and where load changes no label, labels are
// those of replay, however many partitions there are.
func TestRulesOnPartitions(t *testing.T) {
	onnxtest.Library(t)
	t.Chdir(repositoryRoot(t))
	bundles := bundlesOf(t, map[string]string{"toy": toy, "ruled": ruled})
	code, stdout, stderr := runCommand(t, map[string]string{"SERVEFLOW_BUNDLE": bundles}, "", "replay", "--task", "toy,ruled", labFile)
	if code != exitOK {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	want := labelsByTask(t, stdout)
	for _, partitions := range []int32{1, 3, 12} {
		t.Run(fmt.Sprint(partitions), func(t *testing.T) {
			addr, _ := kafkatest.Fake(t, kfake.SeedTopics(partitions, packetsTopic, "labels.toy", "labels.ruled"), kfake.SeedTopics(1, packetsTopic+".dlq"))
			sendLab(t, addr)
			admin := freeAddress(t)
			env := map[string]string{"SERVEFLOW_BROKERS": addr, "SERVEFLOW_ADMIN": admin, "SERVEFLOW_TASKS": "toy,ruled", "SERVEFLOW_ADAPT": "off",
				"SERVEFLOW_LABEL_TOPIC": "labels." + taskPlace, "SERVEFLOW_BUNDLE": bundles}
			stop := startHere(t, env)
			awaitReady(t, admin)
			for task, labels := range want {
				topic := "labels." + task
				await.Until(t, "the labels of "+topic, func() bool { return len(kafkatest.ReadAll(t, addr, topic)) >= len(labels) })
				var text string
				for _, m := range kafkatest.ReadAll(t, addr, topic) {
					text += string(m.Value) + "\n"
				}
				got := labelsByTask(t, text)[task]
				for uid, label := range labels {
					if got[uid] != label {
						t.Fatalf("%s: got %s\nreplay %s", task, got[uid], label)
					}
				}
			}
			stop()
		})
	}
}
