package consumer

import (
	"errors"
	"fmt"
	"time"

	"github.com/serveflow/serveflow/consumer/fetch"
	"github.com/serveflow/serveflow/consumer/group"
	"github.com/serveflow/serveflow/consumer/offset"
	"github.com/serveflow/serveflow/consumer/partition"
	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/brokers"
)

// excerptBytes is how much of a large record or batch its dead letter holds. A broker takes
// a megabyte unless told otherwise, with headers and framing.
const excerptBytes = 1<<20 - 16<<10

// Config is what a consumer is built with.
type Config struct {
	Cluster *brokers.Cluster
	Topic   string
	Group   string
	// Purpose is what is made of the records: the members of a group must agree on it.
	Purpose group.Purpose
	// MixedBundles lets members with different bundles into one group.
	MixedBundles bool
	// Reloads says that the member may come to serve other bundles while it runs, as group.Config
	// has it.
	Reloads bool
	// Bundles names the bundles by which flows are labelled now, in a few letters each and with
	// no comma or space in them; nil: labels have none.
	Bundles func() []string

	Flow flow.Config // limits are for the whole process; each partition gets its share

	// PinRecords is how many records of its partition may come while a flow holds
	// the low watermark; 0 is any number.
	PinRecords int64
	// PinBytes is what the offsets in flight may take in memory, of all partitions; 0 is
	// any amount. A flow is decided after half of its partition's share; where the rest
	// fills up too, because a label or dead letter is not written, the partition is not
	// read on.
	PinBytes int

	// ReadBack is how many records below the committed offset are read again, at most,
	// at the start of a partition, to learn which flows are finished. Those written
	// longer ago than Flow.Remember are not.
	ReadBack int64
	// SkipTruncated: go on, and count, where records were deleted before they
	// were read; otherwise the partition stops.
	SkipTruncated bool

	// SessionTimeout is how long a member may be silent before its partitions go to
	// others. It is also the budget of a generation's last flush: kafka-go stops
	// heartbeating when a generation ends.
	SessionTimeout time.Duration

	CommitEvery  time.Duration
	DrainTimeout time.Duration // how long the end of a generation waits for labels under way
	MaxWait      time.Duration // how long the broker may hold an empty fetch
	FetchBytes   int

	Limits zeek.Limits // of one record
}

// partition is the config of each of the consumer's partitions. The decoder has to say
// what it can of a record that is too long, so more than the limit is kept of it.
func (c *Config) partition() *partition.Config {
	return &partition.Config{Cluster: c.Cluster, Topic: c.Topic, Group: c.Group,
		Limits:  fetch.Limits{Value: max(c.Limits.OrDefault().Record, excerptBytes), Excerpt: excerptBytes},
		MaxWait: c.MaxWait, FetchBytes: c.FetchBytes, WarmUpRecords: c.ReadBack, WarmUpAge: c.Flow.Remember,
		SkipTruncated: c.SkipTruncated, Bundles: c.Bundles, CommitEvery: c.CommitEvery, DrainTimeout: c.DrainTimeout}
}

// Validate names the first setting that makes no sense.
func (c Config) Validate() error {
	switch {
	case len(c.Cluster.Addrs()) == 0:
		return errors.New("consumer: no broker named: set SERVEFLOW_BROKERS to host:port[,host:port]")
	case c.Topic == "" || c.Group == "":
		return errors.New("consumer: the input topic and the group need names: set SERVEFLOW_TOPIC and SERVEFLOW_GROUP")
	case c.CommitEvery <= 0 || c.DrainTimeout <= 0 || c.MaxWait <= 0:
		return errors.New("consumer: the commit interval, the drain timeout and the fetch wait must be above 0")
	case c.SessionTimeout < 4*group.Heartbeat:
		return fmt.Errorf("consumer: the session timeout is %v: choose at least %v", c.SessionTimeout, 4*group.Heartbeat)
	case c.DrainTimeout > c.SessionTimeout/2:
		return fmt.Errorf("consumer: the drain timeout is %v: choose at most %v, half of the group's session", c.DrainTimeout, c.SessionTimeout/2)
	case c.PinRecords < 0 || c.PinBytes < 0:
		return errors.New("consumer: the records that a flow may stay open for, and the bytes for pins, must not be negative")
	case c.ReadBack < 0:
		return errors.New("consumer: the records read back must not be negative")
	}
	if err := c.Limits.Validate(); err != nil {
		return err
	}
	return c.Flow.Validate()
}

// flowShare is the flow table's config of one partition out of n.
func (c *Config) flowShare(n int) flow.Config {
	cfg := c.Flow
	cfg.Limits.Flows = max(1, cfg.Limits.Flows/n)
	cfg.Limits.Bytes = max(1<<10, cfg.Limits.Bytes/n)
	cfg.Limits.Finished = max(1, cfg.Limits.Finished/n)
	cfg.Limits.Records = c.PinRecords
	if most := int64(c.pinShare(n)) / 2; most > 0 && (cfg.Limits.Records == 0 || cfg.Limits.Records > most) {
		cfg.Limits.Records = most
	}
	return cfg
}

// pinShare is how many offsets one partition out of n may hold in flight; 0 is any number.
func (c *Config) pinShare(n int) int {
	if c.PinBytes == 0 {
		return 0
	}
	return max(offset.LeastLimit, c.PinBytes/n/offset.EntryBytes)
}
