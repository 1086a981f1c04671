package group

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/backoff"
	"github.com/serveflow/serveflow/internal/brokers"
)

// Heartbeat is the time between two heartbeats, and so how fast a rebalance is seen.
const Heartbeat = 500 * time.Millisecond

// Config is what a member is built with.
type Config struct {
	Cluster *brokers.Cluster
	Group   string
	Topic   string
	// SessionTimeout is how long the member may be silent before its partitions go to
	// others. It also bounds a rebalance.
	SessionTimeout time.Duration
	// Purpose is what the member makes of the records: the coordinator keeps out members
	// with another one.
	Purpose Purpose
	// MixedBundles lets members in whose purpose differs in the bundle alone.
	MixedBundles bool
	// Reloads says that the member may come to serve another bundle than the one that it began
	// with. It lets members in that do so too, and those without whose bundle is the same.
	Reloads bool
	// Reached is called from any goroutine whenever a broker takes a connection; nil: nobody asks.
	Reached func()
}

// Member joins a group over and over.
type Member struct {
	cfg     Config
	client  *kafka.Client
	group   *kafka.ConsumerGroup
	id      string // of the last generation; empty: there is none to give up
	leaving sync.WaitGroup
}

// Join begins to join the group; Next waits for it. Whoever joins calls Close.
func Join(cfg Config, client *kafka.Client, log *slog.Logger) (*Member, error) {
	dialer := cfg.Cluster.Dialer()
	dialer.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		return newReconnectingConn(ctx, func(ctx context.Context) (net.Conn, error) {
			conn, err := cfg.Cluster.Dial(ctx, network, addr)
			if err == nil && cfg.Reached != nil {
				cfg.Reached()
			}
			return conn, err
		})
	}
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: cfg.Group, Brokers: []string{cfg.Cluster.Addr()}, Topics: []string{cfg.Topic}, Dialer: dialer, Timeout: brokers.Timeout,
		HeartbeatInterval: Heartbeat, SessionTimeout: cfg.SessionTimeout, RebalanceTimeout: cfg.SessionTimeout,
		GroupBalancers:        cfg.balancers(),
		WatchPartitionChanges: true, JoinGroupBackoff: time.Second, StartOffset: kafka.FirstOffset,
		ErrorLogger: kafka.LoggerFunc(func(msg string, args ...any) { log.Warn(fmt.Sprintf(msg, args...)) }),
	})
	if err != nil {
		return nil, fmt.Errorf("consumer: group %s: %w", cfg.Group, err)
	}
	return &Member{cfg: cfg, client: client, group: group}, nil
}

// Close leaves the group, once the functions of the current generation have returned.
func (m *Member) Close() {
	m.group.Close()
	m.leaving.Wait()
}

// Next waits for the next generation. After an error it may be called again, but for
// kafka.ErrGroupClosed.
func (m *Member) Next(ctx context.Context) (*kafka.Generation, error) {
	gen, err := m.group.Next(ctx)
	switch {
	case err == nil:
		m.id = gen.MemberID
	case ctx.Err() != nil || errors.Is(err, kafka.ErrGroupClosed) || errors.Is(err, kafka.RebalanceInProgress):
	case m.id != "": // kafka-go has forgotten its membership
		lost := m.id
		m.id = ""
		m.leaving.Go(func() { m.giveUp(ctx, lost) })
	}
	return gen, err
}

// giveUp has the coordinator forget a member. Until the coordinator does, or the
// member's session expires, it waits for that member before it lets others in.
func (m *Member) giveUp(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.SessionTimeout)
	defer cancel()
	for wait := backoff.Wait(0); ctx.Err() == nil; {
		if m.leave(ctx, id) == nil {
			return
		}
		wait = wait.Next(time.Second)
		wait.Sleep(ctx)
	}
}

// leave tells the coordinator once that a member is gone. The coordinator may have
// forgotten the member already, which is as good.
func (m *Member) leave(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, brokers.Timeout)
	defer cancel()
	res, err := m.client.LeaveGroup(ctx, &kafka.LeaveGroupRequest{GroupID: m.cfg.Group, Members: []kafka.LeaveGroupRequestMember{{ID: id}}})
	if err != nil {
		return err
	}
	// kafka-go 0.4.51 swaps two fields of the response: the error code is the lower half of
	// the throttle time.
	if code := kafka.Error(int16(res.Throttle.Milliseconds())); code != 0 && code != kafka.UnknownMemberId {
		return code
	}
	return nil
}
