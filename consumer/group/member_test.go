package group

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// broker is an in-process broker that is told how to answer.
type broker struct {
	addr    string
	cluster *kfake.Cluster
	leaving chan string // the ids of members that leave
}

func newBroker(t *testing.T) *broker {
	addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(1, "in"))
	b := &broker{addr, cluster, make(chan string, 1000)}
	b.control(kmsg.LeaveGroup, func(req kmsg.Request, _ int) (kmsg.Response, error, bool) {
		leave := req.(*kmsg.LeaveGroupRequest)
		b.leaving <- leave.MemberID + memberIDs(leave)
		return nil, nil, false
	})
	return b
}

func memberIDs(leave *kmsg.LeaveGroupRequest) (ids string) {
	for _, m := range leave.Members {
		ids += m.MemberID
	}
	return ids
}

// control has the broker answer requests of an API, which are counted from 1.
func (b *broker) control(key kmsg.Key, answer func(req kmsg.Request, n int) (kmsg.Response, error, bool)) {
	n := 0
	b.cluster.ControlKey(int16(key), func(req kmsg.Request) (kmsg.Response, error, bool) {
		b.cluster.KeepControl()
		n++
		return answer(req, n)
	})
}

func (b *broker) client(t *testing.T) (*brokers.Cluster, *kafka.Client) {
	cluster := brokers.Plain("test", b.addr)
	client, done := cluster.Client()
	t.Cleanup(done)
	return cluster, client
}

// join begins to join group g.
func (b *broker) join(t *testing.T) *Member {
	cluster, client := b.client(t)
	m, err := Join(Config{Cluster: cluster, Group: "g", Topic: "in", SessionTimeout: 10 * time.Second}, client, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// next waits for a generation, over errors.
func next(t *testing.T, m *Member) *kafka.Generation {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		gen, err := m.Next(ctx)
		if err == nil {
			return gen
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

// A member has the partitions from the first record on, and leaves when it is closed.
func TestMember(t *testing.T) {
	b := newBroker(t)
	m := b.join(t)
	gen := next(t, m)
	if all := gen.Assignments["in"]; len(all) != 1 || all[0].ID != 0 || all[0].Offset != kafka.FirstOffset {
		t.Errorf("assigned %+v", all)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Next(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits any more: %v", err)
	}
	m.Close()
	if _, err := m.Next(t.Context()); !errors.Is(err, kafka.ErrGroupClosed) {
		t.Errorf("closed: %v", err)
	}
	m.leaving.Wait()
	if id := <-b.leaving; id != gen.MemberID || len(b.leaving) > 0 {
		t.Errorf("%s has left, and %d more; want %s alone", id, len(b.leaving), gen.MemberID)
	}
}

// evict ends the current generation: the coordinator says that it does not know the member.
func (b *broker) evict(while func() bool) {
	b.control(kmsg.Heartbeat, func(req kmsg.Request, _ int) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.HeartbeatResponse)
		resp.ErrorCode = int16(kafka.UnknownMemberId)
		return resp, nil, while()
	})
}

// A member whose coordinator fails when it joins again is given up, once.
func TestALostMembershipIsGivenUp(t *testing.T) {
	b := newBroker(t)
	m := b.join(t)
	gen := next(t, m)
	var failing atomic.Bool
	failing.Store(true)
	b.evict(failing.Load)
	b.control(kmsg.JoinGroup, func(kmsg.Request, int) (kmsg.Response, error, bool) {
		return nil, errors.New("the connection breaks"), failing.Load()
	})
	for range 2 {
		if _, err := m.Next(t.Context()); err == nil {
			t.Fatal("joined over connections that break")
		}
	}
	m.leaving.Wait()
	if id := <-b.leaving; id != gen.MemberID || len(b.leaving) > 0 {
		t.Errorf("%s was given up, and %d more; want %s alone", id, len(b.leaving), gen.MemberID)
	}
	failing.Store(false)
	if again := next(t, m); again.MemberID == gen.MemberID || m.id != again.MemberID {
		t.Errorf("%s has joined again; it is known as %s", again.MemberID, m.id)
	}
}

// A rebalance that begins while the member joins is no loss of its membership.
func TestARebalanceIsNoLoss(t *testing.T) {
	b := newBroker(t)
	m := b.join(t)
	gen := next(t, m)
	var failing atomic.Bool
	failing.Store(true)
	b.evict(failing.Load)
	b.control(kmsg.SyncGroup, func(req kmsg.Request, _ int) (kmsg.Response, error, bool) {
		resp := req.ResponseKind().(*kmsg.SyncGroupResponse)
		resp.ErrorCode = int16(kafka.RebalanceInProgress)
		return resp, nil, failing.Load()
	})
	if _, err := m.Next(t.Context()); !errors.Is(err, kafka.RebalanceInProgress) {
		t.Errorf("%v, want a rebalance", err)
	}
	failing.Store(false)
	if again := next(t, m); again.MemberID != gen.MemberID || m.id != gen.MemberID || len(b.leaving) > 0 {
		t.Errorf("%s has joined as %s; %d members were given up", gen.MemberID, again.MemberID, len(b.leaving))
	}
}

// A membership is given up until the coordinator says that it knows of none, but for no
// longer than the session would last.
func TestGiveUp(t *testing.T) {
	const breaks = -2
	for _, test := range []struct {
		name    string
		answers []int16
		want    int // requests
	}{
		{"at once", []int16{0}, 1},
		{"the coordinator does not know it", []int16{int16(kafka.UnknownMemberId)}, 1},
		{"the coordinator moves", []int16{int16(kafka.NotCoordinatorForGroup), int16(kafka.GroupLoadInProgress), 0}, 3},
		{"connections break", []int16{breaks, breaks, 0}, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBroker(t)
			var asked atomic.Int64
			b.control(kmsg.LeaveGroup, func(req kmsg.Request, n int) (kmsg.Response, error, bool) {
				leave := req.(*kmsg.LeaveGroupRequest)
				if asked.Add(1); leave.Group != "g" || memberIDs(leave) != "member-5" {
					t.Errorf("asked %+v", leave)
				}
				code := test.answers[min(n, len(test.answers))-1]
				if code == breaks {
					return nil, errors.New("the connection breaks"), true
				}
				resp := req.ResponseKind().(*kmsg.LeaveGroupResponse)
				resp.ErrorCode = code
				return resp, nil, true
			})
			_, client := b.client(t)
			m := &Member{cfg: Config{Group: "g", SessionTimeout: time.Minute}, client: client}
			m.giveUp(t.Context(), "member-5")
			if n := asked.Load(); n != int64(test.want) {
				t.Errorf("asked %d times, want %d", n, test.want)
			}
		})
	}
}

func TestGivingUpEnds(t *testing.T) {
	b := newBroker(t)
	var asked atomic.Int64
	b.control(kmsg.LeaveGroup, func(kmsg.Request, int) (kmsg.Response, error, bool) {
		asked.Add(1)
		return nil, errors.New("the connection breaks"), true
	})
	_, client := b.client(t)
	m := &Member{cfg: Config{Group: "g", SessionTimeout: 500 * time.Millisecond}, client: client}
	m.giveUp(t.Context(), "member-5")
	if n := asked.Load(); n < 1 || n > 4 {
		t.Errorf("asked %d times in half a second", n)
	}
	m.cfg.SessionTimeout = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { m.giveUp(ctx, "member-5"); close(over) }()
	await.Until(t, "another request", func() bool { return asked.Load() > 4 })
	cancel()
	<-over
}

func TestJoinOfNoGroup(t *testing.T) {
	b := newBroker(t)
	cluster, client := b.client(t)
	m, err := Join(Config{Cluster: cluster, Topic: "in", SessionTimeout: time.Second}, client, slog.New(slog.DiscardHandler))
	if err == nil || m != nil || !strings.HasPrefix(err.Error(), "consumer: group : ") {
		t.Errorf("%v, %v", m, err)
	}
}
