package consumer

import (
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/consumer/group"
	"github.com/serveflow/serveflow/internal/await"
)

// A member that asks another question than the rest of its group says so, and ends after
// a session: that long, members that were killed stay in the group.
func TestAnotherTaskInTheSameGroupIsRefused(t *testing.T) {
	addr, h := fake(t), &harness{}
	cfg := config(addr)
	cfg.SessionTimeout, cfg.Purpose = 2*time.Second, group.Purpose{Task: "service", Output: "labels.service"}
	first := run(t, cfg, h)
	await.Until(t, "the first member is at work", func() bool { return first.Ready() == nil })
	cfg.Purpose = group.Purpose{Task: "device", Output: "labels.device"}
	second, ended := member(cfg, h), make(chan error, 1)
	go func() { ended <- second.Run(t.Context()) }()
	await.Until(t, "the reason", func() bool {
		return second.Ready() != nil && strings.Contains(second.Ready().Error(), "task service, written to labels.service")
	})
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "group g is at work on something else") {
		t.Errorf("%v", err)
	}
	if err := first.Ready(); err != nil {
		t.Errorf("the first member: %v", err)
	}
}
