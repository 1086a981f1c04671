package consumer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/brokers"
)

// membership joins a group over and over. It adds to kafka-go's ConsumerGroup what
// that lacks when the network fails: its connection is made anew, and a membership that
// was lost is given up.
type membership struct {
	cfg    *Config
	client *kafka.Client
	group  *kafka.ConsumerGroup
	id     string // of the last generation's member; empty: none that may be left over
}

func newMembership(cfg *Config, client *kafka.Client, log *slog.Logger) (*membership, error) {
	dialer := cfg.Cluster.Dialer()
	dialer.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		return newLasting(ctx, func(ctx context.Context) (net.Conn, error) { return cfg.Cluster.Dial(ctx, network, addr) })
	}
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: cfg.Group, Brokers: []string{cfg.Cluster.Addr()}, Topics: []string{cfg.Topic}, Dialer: dialer, Timeout: brokers.Timeout,
		HeartbeatInterval: heartbeat, SessionTimeout: cfg.SessionTimeout, RebalanceTimeout: cfg.SessionTimeout,
		WatchPartitionChanges: true, JoinGroupBackoff: time.Second, StartOffset: kafka.FirstOffset,
		ErrorLogger: kafka.LoggerFunc(func(msg string, args ...any) { log.Warn(fmt.Sprintf(msg, args...)) }),
	})
	if err != nil {
		return nil, fmt.Errorf("consumer: group %s: %w", cfg.Group, err)
	}
	return &membership{cfg: cfg, client: client, group: group}, nil
}

// close leaves the group, after the generation that there may be.
func (m *membership) close() { m.group.Close() }

// next waits for the next generation. After an error it may be called again.
func (m *membership) next(ctx context.Context) (*kafka.Generation, error) {
	gen, err := m.group.Next(ctx)
	switch {
	case err == nil:
		m.id = gen.MemberID
	case ctx.Err() != nil || errors.Is(err, kafka.ErrGroupClosed) || errors.Is(err, kafka.RebalanceInProgress):
	case m.id != "": // kafka-go has dropped its membership
		go m.giveUp(ctx, m.id)
		m.id = ""
	}
	return gen, err
}

// giveUp has the coordinator forget a member. Until it does so, or the member's
// session is over, it waits for that member before it lets others in.
func (m *membership) giveUp(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.SessionTimeout)
	defer cancel()
	for wait := backoff(0).next(); ctx.Err() == nil; wait = min(wait.next(), backoff(time.Second)) {
		if m.leave(ctx, id) == nil {
			return
		}
		wait.sleep(ctx)
	}
}

// leave tells the coordinator once that a member is gone. That it is unknown will do.
func (m *membership) leave(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, brokers.Timeout)
	defer cancel()
	res, err := m.client.LeaveGroup(ctx, &kafka.LeaveGroupRequest{GroupID: m.cfg.Group, Members: []kafka.LeaveGroupRequestMember{{ID: id}}})
	if err == nil && !errors.Is(res.Error, kafka.UnknownMemberId) {
		err = res.Error
	}
	return err
}
