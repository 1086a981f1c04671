package doctor

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	consumergroup "github.com/serveflow/serveflow/consumer/group"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// What a member of a real group tells is read, as kafka-go writes it.
func TestMembersAreRead(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(partitionCount, input, labels, deadLetters))
	write(t, addr, input, kafka.Murmur2Balancer{}, traffic(60)...)
	c := configFor(addr)
	c.Purpose = consumergroup.Purpose{Task: "service", Output: labels, Bundle: "abc"}
	member := func(change func(*consumergroup.Purpose)) *Report {
		purpose := c.Purpose
		change(&purpose)
		client, done := c.Cluster.Client()
		defer done()
		m, err := consumergroup.Join(consumergroup.Config{Cluster: c.Cluster, Group: c.Group, Topic: input, SessionTimeout: 10 * time.Second, Purpose: purpose},
			client, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		gen, err := m.Next(t.Context())
		for errors.Is(err, kafka.GroupCoordinatorNotAvailable) {
			gen, err = m.Next(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		gen.Start(func(ctx context.Context) { <-ctx.Done() })
		return Look(t.Context(), c)
	}
	if r := member(func(*consumergroup.Purpose) {}); len(problems(r)) != 0 {
		t.Errorf("the same purpose: %v", problems(r))
	}
	r := member(func(p *consumergroup.Purpose) { p.Task = "device" })
	wantFinding(t, r, "group-other-task", Fault, "task device, written to "+labels)

	other := func(p *consumergroup.Purpose) { p.Bundle = "def" }
	wantFinding(t, member(other), "group-other-task", Fault, "bundle def")
	c.MixedBundles = true
	if r := member(other); len(problems(r)) != 0 {
		t.Errorf("bundles may be mixed: %v", problems(r))
	}
}
