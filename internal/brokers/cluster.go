// Package brokers is the way to a Kafka cluster: where its brokers are, what is
// spoken to them, and who we are there. Whatever talks to Kafka does so over
// connections that are made here.
package brokers

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
)

// Timeout bounds making one connection, with all that comes before the first request,
// and asking one broker of several what another may answer as well. TLS and a login
// take six round trips.
const Timeout = 5 * time.Second

// Refused is what to do where a broker's port refuses connections.
const Refused = "no broker answers: start it; if it stopped by itself, its log says why, often a full disk"

// Cluster is a Kafka cluster as this process reaches it. It is for any number of
// goroutines.
type Cluster struct {
	addrs    []string
	clientID string
	answered atomic.Int64 // which of addrs answered last
	security Security
	certs    *certificates // nil: no TLS
	login    *login        // nil: none
}

// New is the way to a cluster over what security says. Its error names a setting or
// file that cannot be used. addrs are host:port.
func New(clientID string, addrs []string, security Security, log *slog.Logger) (c *Cluster, err error) {
	if err := security.Validate(); err != nil {
		return nil, err
	}
	c = Plain(clientID, addrs...)
	c.security = security
	c.security.Password = Secret{} // the login has it
	if security.tls() {
		if c.certs, err = newCertificates(&security, log); err != nil {
			return nil, err
		}
	}
	if security.login() {
		if c.login, err = newLogin(&security, log); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Plain is a cluster whose brokers are spoken to in plaintext, without a login.
// addrs are host:port.
func Plain(clientID string, addrs ...string) *Cluster {
	return &Cluster{addrs: addrs, clientID: clientID}
}

// Addrs are the addresses to begin at, host:port.
func (c *Cluster) Addrs() []string { return c.addrs }

// anyBroker is the address that stands for all of them. It names no host.
const anyBroker = "any-broker.invalid:9092"

// Addr is where to dial whichever broker answers, host:port, for Dial alone.
func (c *Cluster) Addr() string {
	if len(c.addrs) == 1 {
		return c.addrs[0]
	}
	return anyBroker
}

// ClientID is our name towards the brokers.
func (c *Cluster) ClientID() string { return c.clientID }

// Principal is who we are to the brokers' ACLs, by Kafka's own rules.
func (c *Cluster) Principal() string {
	switch {
	case c.login != nil:
		return "User:" + c.login.username
	case c.certs != nil && c.certs.own != nil:
		return "User:" + c.certs.own.now().Leaf.Subject.String()
	}
	return "User:ANONYMOUS"
}

// Protocol is what is spoken to the brokers, by Kafka's name for it.
func (c *Cluster) Protocol() string { return c.security.spoken() }

// DialLeader connects to the leader of a partition, as Dial does.
func (c *Cluster) DialLeader(ctx context.Context, topic string, partition int) (net.Conn, error) {
	leader, err := c.leader(ctx, topic, partition)
	if err != nil {
		return nil, err
	}
	return c.Dial(ctx, "tcp", net.JoinHostPort(leader.Host, strconv.Itoa(leader.Port)))
}

// leader asks the brokers, one after the other, who leads a partition.
func (c *Cluster) leader(ctx context.Context, topic string, partition int) (leader kafka.Broker, err error) {
	var answer error
	for at, addr := range c.inTurn() {
		var all []kafka.Partition
		if all, err = c.partitions(ctx, addr, topic); err != nil {
			continue
		}
		c.answered.Store(int64(at))
		for _, p := range all {
			if p.ID == partition && p.Error == nil && p.Leader.Host == "" {
				return leader, kafka.LeaderNotAvailable
			}
			if p.ID == partition {
				return p.Leader, p.Error
			}
		}
		answer = kafka.UnknownTopicOrPartition
	}
	return leader, cmp.Or(answer, err)
}

// partitions asks one broker for the partitions of a topic. kafka-go's own lookup
// waits for a topic to come; whoever asks here tries again by himself.
func (c *Cluster) partitions(ctx context.Context, addr, topic string) ([]kafka.Partition, error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	conn, err := c.Dialer().DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(Timeout))
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	return conn.ReadPartitions(topic)
}

// Dialer is for the parts of kafka-go that want one. It has no TLS or SASL of its
// own: its connections come from Dial.
func (c *Cluster) Dialer() *kafka.Dialer {
	return &kafka.Dialer{ClientID: c.clientID, Timeout: c.patience(), DialFunc: c.Dial}
}

// Transport is a pool of connections, likewise. Whoever asks for it closes it.
func (c *Cluster) Transport() *kafka.Transport {
	return &kafka.Transport{ClientID: c.clientID, DialTimeout: c.patience(), Dial: c.Dial}
}

// Client asks over a pool of connections of its own, which done closes.
func (c *Cluster) Client() (client *kafka.Client, done func()) {
	transport := c.Transport()
	return &kafka.Client{Addr: kafka.TCP(c.Addr()), Transport: transport}, transport.CloseIdleConnections
}

// patience is how long it may take to reach any broker.
func (c *Cluster) patience() time.Duration { return time.Duration(len(c.addrs)) * Timeout }
