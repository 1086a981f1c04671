package consumer

import (
	"errors"
	"fmt"
	"time"

	"github.com/serveflow/serveflow/consumer/fetch"
	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/brokers"
)

// dialTimeout bounds every exchange with a broker beyond what the broker was
// asked to wait; a long answer, the wait for more of it. It is half of the time in
// which we are to say that a broker does not answer.
const dialTimeout = 5 * time.Second

// Config is what a consumer is built with.
type Config struct {
	Cluster *brokers.Cluster
	Topic   string
	Group   string

	Flow flow.Config // limits are for the whole process; each partition gets its share

	// PinRecords is how many records of its partition may come while a flow holds
	// the low watermark; 0 is any number.
	PinRecords int64
	// PinBytes is what the partitions' pins may take, 0 is any. A flow is decided
	// after half of its partition's share; where the rest fills up too, because a
	// label or dead letter is not written, the partition is not read on.
	PinBytes int

	// ReadBack is how many records below the committed offset are read again, at most,
	// at the start of a partition, to relearn which flows were finished; those older
	// than Flow.Remember are not.
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

// fetchLimits are those that hold before a record is decoded. The decoder is to
// say what it can of a record that is too long.
func (c *Config) fetchLimits() fetch.Limits {
	return fetch.Limits{Value: max(c.Limits.OrDefault().Record, keepBytes), Keep: keepBytes}
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
	case c.SessionTimeout < 4*heartbeat:
		return fmt.Errorf("consumer: the session timeout is %v: choose at least %v", c.SessionTimeout, 4*heartbeat)
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

// share is the flow table's config of one partition out of n.
func (c *Config) share(n int) flow.Config {
	cfg := c.Flow
	cfg.Flows = max(1, cfg.Flows/n)
	cfg.Bytes = max(1<<10, cfg.Bytes/n)
	cfg.Finished = max(1, cfg.Finished/n)
	cfg.Records = c.PinRecords
	if most := int64(c.pinShare(n)) / 2; most > 0 && (cfg.Records == 0 || cfg.Records > most) {
		cfg.Records = most
	}
	return cfg
}

// pinShare is how many pins one partition out of n may hold; 0 is any number.
func (c *Config) pinShare(n int) int {
	if c.PinBytes == 0 {
		return 0
	}
	return max(2*pinsABlock, c.PinBytes/n/pinBytes)
}
