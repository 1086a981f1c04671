package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

const latestTopic = labelsTopic + ".latest"

// How a topic is cleaned up is looked at before anything starts.
func TestCleanupPolicies(t *testing.T) {
	onnxtest.Library(t)
	for _, c := range []struct{ name, latest, dead, says string }{
		{"the compacted topic is not", "delete", "delete", "topic " + latestTopic + " is not compacted, its cleanup.policy is delete: set it to compact"},
		{"dead letters are compacted", "compact", "compact", "topic " + packetsTopic + ".dlq is compacted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, packetsTopic, labelsTopic))
			kafkatest.CreateTopic(t, addr, latestTopic, 1, map[string]string{"cleanup.policy": c.latest})
			kafkatest.CreateTopic(t, addr, packetsTopic+".dlq", 1, map[string]string{"cleanup.policy": c.dead})
			code, _, stderr := runCommand(t, map[string]string{"SERVEFLOW_BROKERS": addr, "SERVEFLOW_ADMIN": "", "SERVEFLOW_BUNDLE": toy,
				"SERVEFLOW_LATEST_TOPIC": latestTopic, "SERVEFLOW_START_TIMEOUT": "100ms"}, "", "run")
			if code != exitFail || !strings.Contains(stderr, c.says) {
				t.Errorf("exit code %d, %q does not say %q", code, stderr, c.says)
			}
		})
	}
}

// While a start waits for a topic, /readyz says for which; once it is there, final
// labels go to both topics.
func TestStartWaitsInWords(t *testing.T) {
	onnxtest.Library(t)
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, packetsTopic, labelsTopic, packetsTopic+".dlq"))
	admin := freeAddress(t)
	env := map[string]string{"SERVEFLOW_BROKERS": addr, "SERVEFLOW_ADMIN": admin, "SERVEFLOW_BUNDLE": toy, "SERVEFLOW_LATEST_TOPIC": latestTopic,
		"SERVEFLOW_PROVISIONAL": "true", "SERVEFLOW_COMMIT_EVERY": "20ms"}
	stop := startHere(t, env)
	await.Until(t, "the missing topic is told", func() bool {
		status, body := get(admin, "/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "topic "+latestTopic+" is missing: create it, or name another by SERVEFLOW_LATEST_TOPIC")
	})
	kafkatest.CreateTopic(t, addr, latestTopic, 1, map[string]string{"cleanup.policy": "compact,delete"})
	awaitReady(t, admin)
	produce(t, addr, twoFlows)
	await.Until(t, "all committed", func() bool { return kafkatest.CommittedOffsets(t, addr, "serveflow.service", packetsTopic)[0] == 2 })
	latest := kafkatest.ReadAll(t, addr, latestTopic)
	if len(latest) != 2 {
		t.Errorf("%d records in the compacted topic", len(latest))
	}
	for _, r := range latest {
		if !strings.Contains(string(r.Value), `"uid":"`+string(r.Key)+`"`) || !strings.Contains(string(r.Value), `"final":true`) {
			t.Errorf("%s: %s", r.Key, r.Value)
		}
	}
	stop()
}
