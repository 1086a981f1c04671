package group

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// join joins group g of a broker and gives the first generation's error.
func join(t *testing.T, addr string, purpose Purpose, mixed bool) (*Member, error) {
	t.Helper()
	return joinWith(t, addr, Config{Purpose: purpose, MixedBundles: mixed})
}

func joinWith(t *testing.T, addr string, cfg Config) (*Member, error) {
	t.Helper()
	cfg.Cluster = brokers.Plain("client-of-"+cfg.Purpose.Task, addr)
	cfg.Group, cfg.Topic, cfg.SessionTimeout = "g", "in", 10*time.Second
	client, done := cfg.Cluster.Client()
	m, err := Join(cfg, client, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close(); done() })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	gen, err := m.Next(ctx)
	for errors.Is(err, kafka.GroupCoordinatorNotAvailable) { // a new broker has none for a moment
		gen, err = m.Next(ctx)
	}
	if err == nil {
		gen.Start(func(ctx context.Context) { <-ctx.Done() })
	}
	return m, err
}

var service = Purpose{Task: "service", Output: "labels.service", Bundle: "aaaaaaaaaaaaaaaaaaaa"}

// A member with another purpose is not let in, and is told with whom it disagrees.
func TestMembersAgree(t *testing.T) {
	for name, change := range map[string]func(*Purpose){
		"task":   func(p *Purpose) { p.Task = "device" },
		"output": func(p *Purpose) { p.Output = "labels.other" },
		"bundle": func(p *Purpose) { p.Bundle = "bbbbbbbbbbbbbbbbbbbb" },
	} {
		for broker, start := range map[string]func(*testing.T) string{
			"kfake": func(t *testing.T) string { addr, _ := kafkatest.Fake(t, kfake.SeedTopics(2, "in")); return addr },
			"kafka": func(t *testing.T) string {
				addr := kafkatest.Start(t).Addr
				kafkatest.CreateTopic(t, addr, "in", 2, nil)
				return addr
			},
		} {
			if broker == "kafka" && name != "task" {
				continue // one of them on the real broker is enough
			}
			t.Run(name+" on "+broker, func(t *testing.T) {
				addr, other := start(t), service
				change(&other)
				if _, err := join(t, addr, service, false); err != nil {
					t.Fatal(err)
				}
				m, err := join(t, addr, other, false)
				if !errors.Is(err, kafka.InconsistentGroupProtocol) {
					t.Fatalf("another %s: %v", name, err)
				}
				text := m.Refused(t.Context(), err).Error()
				for _, want := range []string{"group g is at work on something else, with client-of-service", "task service, written to labels.service, bundle aaaaaaaaaaaa;", "this member: " + other.String(), "SERVEFLOW_GROUP", "SERVEFLOW_MIXED_BUNDLES"} {
					if !strings.Contains(text, want) {
						t.Errorf("%s does not say %s", text, want)
					}
				}
			})
		}
	}
}

// Members that mix bundles differ in nothing else.
func TestMixedBundles(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(2, "in"))
	newer, device := service, service
	newer.Bundle, device.Task = "bbbbbbbbbbbbbbbbbbbb", "device"
	if _, err := join(t, addr, service, true); err != nil {
		t.Fatal(err)
	}
	if _, err := join(t, addr, device, true); !errors.Is(err, kafka.InconsistentGroupProtocol) {
		t.Errorf("another task: %v", err)
	}
	if _, err := join(t, addr, newer, true); err != nil {
		t.Errorf("another bundle: %v", err)
	}
}

// Members that differ in nothing but SERVEFLOW_MIXED_BUNDLES are told so.
func TestMixedBundlesAreSetAlike(t *testing.T) {
	for _, mixed := range []bool{true, false} {
		addr, _ := kafkatest.Fake(t, kfake.SeedTopics(2, "in"))
		if _, err := join(t, addr, service, mixed); err != nil {
			t.Fatal(err)
		}
		m, err := join(t, addr, service, !mixed)
		want := fmt.Sprintf("group g: its members serve the same, with SERVEFLOW_MIXED_BUNDLES=%t, and this one has %t: set it alike", mixed, !mixed)
		if text := m.Refused(t.Context(), err).Error(); !errors.Is(err, kafka.InconsistentGroupProtocol) || !strings.Contains(text, want) {
			t.Errorf("%s; want %s", text, want)
		}
	}
}

// Members that may reload agree with others of any bundle that may, and with those that may
// not where the bundle is the same.
func TestMembersThatReloadMayDiffer(t *testing.T) {
	other := service
	other.Bundle = "bbbbbbbbbbbbbbbbbbbb"
	for _, c := range []struct {
		name          string
		first, second Config
		agree         bool
	}{
		{"both reload", Config{Purpose: service, Reloads: true}, Config{Purpose: other, Reloads: true}, true},
		{"both reload, on a real broker", Config{Purpose: service, Reloads: true}, Config{Purpose: other, Reloads: true}, true},
		{"one reloads, one bundle", Config{Purpose: service, Reloads: true}, Config{Purpose: service}, true},
		{"one reloads, two bundles", Config{Purpose: service}, Config{Purpose: other, Reloads: true}, false},
		{"one reloads, one mixes", Config{Purpose: service, MixedBundles: true}, Config{Purpose: other, Reloads: true}, true},
	} {
		addr := ""
		if strings.Contains(c.name, "real") {
			addr = kafkatest.Start(t).Addr
			kafkatest.CreateTopic(t, addr, "in", 2, nil)
		} else {
			addr, _ = kafkatest.Fake(t, kfake.SeedTopics(2, "in"))
		}
		if _, err := joinWith(t, addr, c.first); err != nil {
			t.Fatal(err)
		}
		if _, err := joinWith(t, addr, c.second); (err == nil) != c.agree || err != nil && !errors.Is(err, kafka.InconsistentGroupProtocol) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestReadPurpose(t *testing.T) {
	data, err := balancer{purpose: service}.UserData()
	if got, ok := ReadPurpose(data); err != nil || !ok || got != service {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
	for _, other := range []string{"", "zone-a", `{"schema":"other/1"}`, `{"purpose":{"task":"service"}}`, "{"} {
		if got, ok := ReadPurpose([]byte(other)); ok {
			t.Errorf("%q: %+v", other, got)
		}
	}
}
