package preflight

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// topics starts a cluster whose topics have the right policies.
func topics(t *testing.T) (addr string, cluster *kfake.Cluster) {
	addr, cluster = kafkatest.Fake(t, kfake.SeedTopics(1, "in", "in.dlq"))
	kafkatest.CreateTopic(t, addr, "latest", 1, map[string]string{"cleanup.policy": "compact"})
	return addr, cluster
}

// A client that may not see a topic is told what to grant.
func TestTopicThatMayNotBeSeen(t *testing.T) {
	addr, cluster := topics(t)
	cluster.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		resp.Brokers = []kmsg.MetadataResponseBroker{{Host: "127.0.0.1", Port: 1}}
		topic := kmsg.NewMetadataResponseTopic()
		topic.Topic, topic.ErrorCode = kmsg.StringPtr("in"), int16(kafka.TopicAuthorizationFailed)
		resp.Topics = append(resp.Topics, topic)
		return resp, nil, true
	})
	const want = "not allowed to see topic in: grant this client DESCRIBE and READ or WRITE on it, or name another by SERVEFLOW_TOPIC"
	if err := New(config(addr)).Run(t.Context()); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// A client that may not read topics' settings passes: the broker has the last word. An answer
// that does not come is an error.
func TestPoliciesThatMayNotBeRead(t *testing.T) {
	addr, cluster := topics(t)
	var closes, refused bool
	cluster.ControlKey(int16(kmsg.DescribeConfigs), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if closes {
			return nil, errors.New("no"), true
		}
		resp := req.ResponseKind().(*kmsg.DescribeConfigsResponse)
		for _, r := range req.(*kmsg.DescribeConfigsRequest).Resources {
			answer := kmsg.NewDescribeConfigsResponseResource()
			answer.ResourceType, answer.ResourceName = r.ResourceType, r.ResourceName
			if refused {
				answer.ErrorCode = int16(kafka.TopicAuthorizationFailed)
				entry := kmsg.NewDescribeConfigsResponseResourceConfig()
				entry.Name, entry.Value = "cleanup.policy", kmsg.StringPtr("")
				answer.Configs = append(answer.Configs, entry)
			}
			resp.Resources = append(resp.Resources, answer)
		}
		return resp, nil, true
	})
	for _, refused = range []bool{true, false} {
		if err := New(config(addr)).Run(t.Context()); err != nil {
			t.Errorf("refused %t: %v", refused, err)
		}
	}
	closes = true
	if err := New(config(addr)).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "cannot look up the topics' cleanup.policy: ") {
		t.Errorf("no answer: %v", err)
	}
}

// A command may have one of the two topics with a policy, or none.
func TestPoliciesOfSomeTopics(t *testing.T) {
	addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(1, "in", "latest"))
	cluster.ControlKey(int16(kmsg.DescribeConfigs), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		return nil, nil, false
	})
	cfg := config(addr)
	delete(cfg.Topics, "in.dlq")
	if err := New(cfg).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "topic latest is not compacted") {
		t.Errorf("the compacted topic alone: %v", err)
	}
	delete(cfg.Topics, "latest")
	if err := New(cfg).Run(t.Context()); err != nil {
		t.Errorf("neither: %v", err)
	}
	asked := false
	cluster.ControlKey(int16(kmsg.DescribeConfigs), func(kmsg.Request) (kmsg.Response, error, bool) {
		asked = true
		return nil, nil, false
	})
	if err := New(cfg).Run(t.Context()); err != nil || asked {
		t.Errorf("neither: %v; policies are asked for: %t", err, asked)
	}
}

// Run looks again and again until its time is over. A context that ends ends the wait.
func TestRunIsBounded(t *testing.T) {
	for name, test := range map[string]struct{ context, timeout, want time.Duration }{
		"timeout": {time.Minute, 1700 * time.Millisecond, 2 * time.Second},
		"context": {1700 * time.Millisecond, time.Minute, 1700 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithTimeout(t.Context(), test.context)
			defer stop()
			cfg := config("127.0.0.1:1") // refuses connections
			cfg.Timeout = test.timeout
			began := time.Now()
			err := New(cfg).Run(ctx)
			if took := time.Since(began); err == nil || took != test.want {
				t.Errorf("%s: %v after %v, want %v", name, err, took, test.want)
			}
		})
	}
}
