package consumer

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/faultproxy"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// behind starts a broker with one input partition that is reached by a proxy alone.
func behind(t *testing.T) *faultproxy.Proxy {
	t.Helper()
	proxy := faultproxy.Start(t)
	kafkatest.Fake(t, kafkatest.Behind(proxy.Addr, proxy.Forward), kfake.SeedTopics(1, "in"))
	return proxy
}

// A broker that takes connections and answers nothing, named first, holds up nobody
// for ever.
func TestABrokerThatHangsIsPassedOver(t *testing.T) {
	t.Parallel()
	hung := behind(t)
	hung.Set(faultproxy.BlackHole())
	addr, h := fake(t), &harness{}
	send(t, addr, line("a", 1, 0), line("a", 2, .1))
	cfg := config(addr)
	cfg.Cluster = brokers.Plain("test", hung.Addr, addr)
	run(t, cfg, h)
	await.Until(t, "a label", func() bool { return h.seen() == "a/2" })
}

// A member that has lost its coordinator joins again without waiting for the end of
// the session that it had.
func TestALostMembershipIsGivenUp(t *testing.T) {
	t.Parallel()
	proxy, h := behind(t), &harness{}
	cfg := config(proxy.Addr)
	cfg.SessionTimeout = 5 * time.Minute // far more than await waits
	c := run(t, cfg, h)
	send(t, proxy.Addr, line("a", 1, 0), line("a", 2, .1))
	await.Until(t, "a label", func() bool { return h.seen() == "a/2" })

	proxy.Set(faultproxy.Faults{Keys: everyRequest(), Reset: true})
	await.Until(t, "that it cannot join again", func() bool {
		err := c.health.problem(wholeMember)
		return err != nil && strings.Contains(err.Error(), "cannot join group") // what comes by time says something else
	}, func() any { return c.Ready() })
	proxy.Mend()
	send(t, proxy.Addr, line("b", 1, 1), line("b", 2, 1.1))
	await.Until(t, "another label", func() bool { return strings.Contains(h.seen(), "b/2") })
	await.Until(t, "ready", func() bool { return c.Ready() == nil })
}

// A broken connection to the coordinator is not the end of a generation.
func TestAGenerationOutlivesItsConnection(t *testing.T) {
	t.Parallel()
	proxy, h := faultproxy.Start(t), &harness{}
	_, cluster := kafkatest.Fake(t, kafkatest.Behind(proxy.Addr, proxy.Forward), kfake.SeedTopics(1, "in"))
	var joins, heartbeats atomic.Int64
	for key, count := range map[kmsg.Key]*atomic.Int64{kmsg.JoinGroup: &joins, kmsg.Heartbeat: &heartbeats} {
		cluster.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
			cluster.KeepControl()
			count.Add(1)
			return nil, nil, false
		})
	}
	run(t, config(proxy.Addr), h)
	await.Until(t, "heartbeats", func() bool { return heartbeats.Load() > 0 })
	before := joins.Load()
	for i := range 3 {
		proxy.ResetAll()
		seen := heartbeats.Load()
		send(t, proxy.Addr, line(fmt.Sprint(i), 1, float64(i)), line(fmt.Sprint(i), 2, float64(i)+.1))
		await.Until(t, "a label", func() bool { return strings.Contains(h.seen(), fmt.Sprintf("%d/2", i)) })
		await.Until(t, "heartbeats", func() bool { return heartbeats.Load() > seen+1 })
	}
	if n := joins.Load() - before; n > 0 {
		t.Errorf("the group was joined %d more times", n)
	}
}

func everyRequest() (keys []int) {
	for key := range 100 {
		keys = append(keys, key)
	}
	return keys
}

// Where nothing comes through any more the consumer says so, and goes on by itself.
func TestBlackHoleIsTold(t *testing.T) {
	t.Parallel()
	proxy, h := behind(t), &harness{}
	c := run(t, config(proxy.Addr), h)
	send(t, proxy.Addr, line("a", 1, 0), line("a", 2, .1))
	await.Until(t, "a label", func() bool { return h.seen() == "a/2" })
	await.Until(t, "ready", func() bool { return c.Ready() == nil })

	proxy.Set(faultproxy.BlackHole())
	began := time.Now()
	await.Until(t, "not ready", func() bool { return c.Ready() != nil })
	t.Logf("after %v: %v", time.Since(began), c.Ready())
	proxy.Mend()
	send(t, proxy.Addr, line("b", 1, 1), line("b", 2, 1.1))
	await.Until(t, "another label", func() bool { return strings.Contains(h.seen(), "b/2") })
	await.Until(t, "ready", func() bool { return c.Ready() == nil })
}

// Reading back what was finished goes on where a broken connection ended it.
func TestReadBackOverBrokenConnections(t *testing.T) {
	t.Parallel()
	addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(1, "in"))
	before, after := &harness{}, &harness{}
	const flows = 40
	for i := range flows {
		uid := fmt.Sprintf("flow%d", i)
		send(t, addr, line(uid, 1, float64(i)), line(uid, 2, float64(i)+.1))
	}
	cfg := config(addr)
	cfg.FetchBytes = 1 // one batch a fetch
	consume(t, cfg, before, func() bool { return committed(t, addr) == 2*flows })

	var fetches atomic.Int64
	cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if fetches.Add(1)%10 == 0 {
			return nil, errors.New("the connection breaks"), true
		}
		return nil, nil, false
	})
	send(t, addr, line("new", 1, 100), line("new", 2, 100.1))
	consume(t, cfg, after, func() bool { return after.seen() == "new/2" })
}
