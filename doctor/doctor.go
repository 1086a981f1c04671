// Package doctor looks at a running cluster and says in plain words what is
// wrong with it for ServeFlow.
//
// It changes nothing: it joins no group, commits nothing and writes nothing. What
// talks to Kafka gathers facts (knock.go, cluster.go, group.go, sample.go); what
// judges them is pure.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/serveflow/serveflow/internal/brokers"
)

// Config is what a look needs to know.
type Config struct {
	Cluster         *brokers.Cluster
	Topic           string // packet and end records
	LabelTopic      string
	DeadLetterTopic string
	Group           string

	Lateness time.Duration // how far records may arrive out of order, record time
	Pin      time.Duration // how long a record may be needed after it was written
	Needs    Needs

	Sample  int           // records of the input topic to look at, over all its partitions
	Timeout time.Duration // for the whole look
}

// Needs is what the bundle asks of the records.
type Needs struct {
	Digest string   // hex; empty where the bundle could not be loaded
	Depth  int      // packets that the deepest stage looks at; 0: unknown
	Header []string // features that only a packet's header bytes give
	Fields []string // fields of packet records that features are read from where there are no header bytes
	Conns  bool     // the bundle reads conn.log and no packet records
}

// Validate names the first value that makes no sense.
func (c *Config) Validate() error {
	switch {
	case len(c.Cluster.Addrs()) == 0:
		return errors.New("no broker named: set SERVEFLOW_BROKERS to host:port[,host:port]")
	case c.Topic == "" || c.LabelTopic == "" || c.DeadLetterTopic == "" || c.Group == "":
		return errors.New("the topics and the group need names: see serveflow config")
	case c.Sample < 1:
		return fmt.Errorf("--sample %d: choose at least 1", c.Sample)
	case c.Timeout <= 0:
		return fmt.Errorf("--timeout %v: choose a time above 0", c.Timeout)
	}
	return nil
}

// patience bounds one exchange with one broker.
const patience = 5 * time.Second

// Look asks the cluster and judges what it says. Parts that cannot be reached are
// findings; the rest is looked at all the same. When ctx ends early the report
// holds what was found until then. known are findings that the caller has already.
func Look(ctx context.Context, c *Config, known ...Finding) *Report {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	r := &Report{Schema: schema, Topic: c.Topic, Findings: []Finding{}, Brokers: []Broker{}}
	defer r.finish()
	r.add(known...)
	cl := newCluster(ctx, c)
	defer cl.close()
	cl.knockAll(ctx)
	r.Brokers = cl.brokers()
	r.Looked = cl.meta != nil
	r.add(judgeListeners(cl.listeners)...)
	r.add(judgeClusters(cl.listeners)...)
	r.add(judgeReleases(cl.listeners)...)
	if !r.Looked {
		if over(ctx) {
			r.add(cutShort(c))
		}
		return r
	}
	topics := cl.topics()
	r.add(judgeTopics(c, topics)...)
	input := topics[c.Topic]
	group := cl.group(input)
	r.add(judgeGroup(c, input, group)...)
	s := cl.sample(ctx, input)
	r.Records, r.Spread = len(s.records), len(input.partitions)
	r.add(judgeSample(c, s)...)
	r.add(judgeLetters(c, topics[c.DeadLetterTopic], cl.newest(ctx, topics[c.DeadLetterTopic]))...)
	r.add(judgeLabels(c, cl.newest(ctx, topics[c.LabelTopic]))...)
	if over(ctx) {
		r.add(cutShort(c))
	}
	return r
}

// over tells whether ctx has ended. Its timer may be a moment behind those of the
// connections that were to end with it.
func over(ctx context.Context) bool {
	deadline, set := ctx.Deadline()
	return ctx.Err() != nil || set && !time.Now().Before(deadline)
}

// BundleFault is the finding of a bundle that does not load.
func BundleFault(dir string, err error) Finding {
	return Finding{"bundle-broken", Fault, "the bundle in " + dir + " does not load", []string{err.Error()},
		"mend or replace it, or name another by SERVEFLOW_BUNDLE; serveflow bundle verify DIR says more"}
}

func cutShort(c *Config) Finding {
	return Finding{"cut-short", Warn, "the look was cut short: not everything was seen",
		[]string{"it was stopped, or took longer than " + c.Timeout.String()},
		"run it again with a longer --timeout, or with fewer records by --sample"}
}
