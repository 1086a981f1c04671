package preflight

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

func config(addr string) Config {
	return Config{Cluster: brokers.Plain("test", addr), Compacted: []string{"latest"}, Uncompacted: "in.dlq",
		Topics: map[string]string{"in": "SERVEFLOW_TOPIC", "latest": "SERVEFLOW_LATEST_TOPIC", "in.dlq": "SERVEFLOW_DEAD_LETTER_TOPIC"}}
}

// A topic that is missing or has the wrong policy is named, with the setting and the remedy.
func TestFaultsAreNamed(t *testing.T) {
	for name, test := range map[string]struct{ latest, dead, want string }{
		"everything is there":        {"compact", "delete", ""},
		"compacted and deleted":      {"compact,delete", "delete", ""},
		"a topic is missing":         {"", "delete", "topic latest is missing: create it, or name another by SERVEFLOW_LATEST_TOPIC"},
		"not compacted":              {"delete", "delete", "topic latest is not compacted, its cleanup.policy is delete: set it to compact, or compact,delete, or leave SERVEFLOW_LATEST_TOPIC empty"},
		"dead letters are compacted": {"compact", "compact", "topic in.dlq is compacted, its cleanup.policy is compact, and dead letters have no keys: set it to delete, or name another by SERVEFLOW_DEAD_LETTER_TOPIC"},
	} {
		addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, "in"))
		for topic, policy := range map[string]string{"latest": test.latest, "in.dlq": test.dead} {
			if policy != "" {
				kafkatest.CreateTopic(t, addr, topic, 1, map[string]string{"cleanup.policy": policy})
			}
		}
		c := New(config(addr))
		if c.Ready() == nil {
			t.Errorf("%s: ready before the first look", name)
		}
		err := c.Run(t.Context())
		if (err == nil) != (test.want == "") || err != nil && err.Error() != test.want {
			t.Errorf("%s: %v", name, err)
		}
		if got := c.Ready(); (got == nil) != (err == nil) {
			t.Errorf("%s: %v, but ready says %v", name, err, got)
		}
	}
}

func TestNoBrokerAnswers(t *testing.T) {
	err := New(config("127.0.0.1:1")).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no broker of SERVEFLOW_BROKERS=127.0.0.1:1 answers: start one, or name others") {
		t.Errorf("%v", err)
	}
}

// A topic that is created while Run waits ends the wait. So does the end of the context.
func TestWaits(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, "in", "in.dlq"))
	cfg := config(addr)
	cfg.Timeout = time.Minute
	c, waited := New(cfg), make(chan error, 1)
	go func() { waited <- c.Run(t.Context()) }()
	await.Until(t, "the missing topic's name", func() bool { return c.Ready() != nil && strings.Contains(c.Ready().Error(), "topic latest is missing") })
	kafkatest.CreateTopic(t, addr, "latest", 1, map[string]string{"cleanup.policy": "compact"})
	if err := <-waited; err != nil {
		t.Errorf("everything is there: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := New(cfg).Run(ctx); err == nil {
		t.Error("stopped before the first look, and no error")
	}
}
