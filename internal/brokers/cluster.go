// Package brokers makes every connection to Kafka. It knows the brokers' addresses, the
// security protocol and this client's identity.
package brokers

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
)

// Timeout bounds two things: making one connection, with TLS and login, which take six
// round trips; and a question to one broker that another broker could answer too.
const Timeout = 5 * time.Second

// Refused is the remedy for a broker's port that refuses connections.
const Refused = "no broker answers: start it; if it stopped by itself, its log says why, often a full disk"

// Cluster is a Kafka cluster as this process reaches it. It is safe for concurrent use.
type Cluster struct {
	addrs    []string
	clientID string
	lastGood atomic.Int64 // index in addrs of the broker that answered last
	answered sync.Map     // addresses, as keys, that have taken this client with its settings
	security Security
	certs    *certificates // nil: no TLS
	login    *login        // nil: none
}

// New returns a cluster that is reached as security says; it opens no connection.
// addrs are host:port. The error names the setting or file that cannot be used.
func New(clientID string, addrs []string, security Security, log *slog.Logger) (c *Cluster, err error) {
	if err := security.Validate(); err != nil {
		return nil, err
	}
	if addrs, err = parseAddrs(addrs); err != nil {
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

// Plain returns a cluster that is reached in plaintext, without a login. addrs are
// host:port.
func Plain(clientID string, addrs ...string) *Cluster {
	return &Cluster{addrs: addrs, clientID: clientID}
}

// Addrs returns the bootstrap addresses, host:port.
func (c *Cluster) Addrs() []string { return c.addrs }

// anyBroker is an address for Dial that stands for every bootstrap address. It names
// no host.
const anyBroker = "any-broker.invalid:9092"

// Addr returns an address, host:port, that Dial connects to whichever broker answers.
func (c *Cluster) Addr() string {
	if len(c.addrs) == 1 {
		return c.addrs[0]
	}
	return anyBroker
}

// ClientID returns the client id that requests carry.
func (c *Cluster) ClientID() string { return c.clientID }

// Principal returns this client's principal in the brokers' ACLs, by Kafka's own
// rules.
func (c *Cluster) Principal() string {
	switch {
	case c.login != nil:
		return "User:" + c.login.username
	case c.certs != nil && c.certs.client != nil:
		return "User:" + c.certs.client.current().Leaf.Subject.String()
	}
	return "User:ANONYMOUS"
}

// Protocol returns Kafka's name of the security protocol.
func (c *Cluster) Protocol() string { return c.security.protocolName() }

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
	for at, addr := range c.addrsFromLastGood() {
		var all []kafka.Partition
		if all, err = c.partitions(ctx, addr, topic); err != nil {
			continue
		}
		c.lastGood.Store(int64(at))
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
// waits until the topic exists; callers of this one retry by themselves.
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

// Dialer returns a dialer for the parts of kafka-go that want one. It has no TLS or
// SASL of its own, since its connections come from Dial.
func (c *Cluster) Dialer() *kafka.Dialer {
	return &kafka.Dialer{ClientID: c.clientID, Timeout: c.dialTimeout(), DialFunc: c.Dial}
}

// Transport returns a pool of connections that come from Dial. The caller closes it.
func (c *Cluster) Transport() *kafka.Transport {
	return &kafka.Transport{ClientID: c.clientID, DialTimeout: c.dialTimeout(), Dial: c.Dial}
}

// Client returns a client with its own pool of connections; done closes the pool.
func (c *Cluster) Client() (client *kafka.Client, done func()) {
	transport := c.Transport()
	return &kafka.Client{Addr: kafka.TCP(c.Addr()), Transport: transport}, transport.CloseIdleConnections
}

// dialTimeout bounds reaching any broker: each address may take Timeout.
func (c *Cluster) dialTimeout() time.Duration { return time.Duration(len(c.addrs)) * Timeout }
