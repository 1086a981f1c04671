// Package doctor reports what is wrong with a running cluster, in plain words.
//
// It changes nothing: it joins no group, commits nothing and writes nothing. probe.go,
// cluster.go, describe.go, group.go and sample.go read facts from Kafka. The check
// functions are pure and turn these facts into findings.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	consumergroup "github.com/serveflow/serveflow/consumer/group"
	"github.com/serveflow/serveflow/internal/brokers"
)

// Config configures a look.
type Config struct {
	Cluster         *brokers.Cluster
	Topic           string // packet and end records
	Labels          []LabelTopic
	DeadLetterTopic string
	Group           string
	Purpose         consumergroup.Purpose // what these settings would have the group do
	MixedBundles    bool                  // members with other bundles are let into the group

	Lateness time.Duration // how far out of order records may arrive, in record time
	InFlight time.Duration // how long a record may be in flight: read, and its offset not committed
	Needs    Needs

	Sample  int           // the number of records of the input topic to read, over all partitions
	Timeout time.Duration // of the whole look
}

// LabelTopic is where the labels of one task go.
type LabelTopic struct {
	Topic  string
	Digest string // of the task's bundle, hex; empty where the bundle could not be loaded
}

// Needs holds the fields that the bundles' features are computed from.
type Needs struct {
	Depth  int      // the number of packets that the deepest stage reads; 0: unknown
	Header []string // the features that need a packet's header bytes
	Fields []string // the fields of packet records that features use where there are no header bytes
	Conns  bool     // the bundles read conn.log and no packet records
}

// Validate returns an error that names the first value that makes no sense.
func (c *Config) Validate() error {
	switch {
	case len(c.Cluster.Addrs()) == 0:
		return errors.New("no broker named: set SERVEFLOW_BROKERS to host:port[,host:port]")
	case c.Topic == "" || len(c.Labels) == 0 || slices.ContainsFunc(c.Labels, func(l LabelTopic) bool { return l.Topic == "" }) || c.DeadLetterTopic == "" || c.Group == "":
		return errors.New("the topics and the group need names: see serveflow config")
	case c.Sample < 1:
		return fmt.Errorf("--sample %d: choose at least 1", c.Sample)
	case c.Timeout <= 0:
		return fmt.Errorf("--timeout %v: choose a time above 0", c.Timeout)
	}
	return nil
}

// exchangeTimeout bounds one request and its response.
const exchangeTimeout = 5 * time.Second

// Look examines the cluster and returns the findings. A part that cannot be reached is a
// finding, and the others are examined nevertheless. Where ctx ends early the report holds
// the findings until then. known are findings that the caller has already.
func Look(ctx context.Context, c *Config, known ...Finding) *Report {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	r := &Report{Schema: schema, Topic: c.Topic, Findings: []Finding{}, Brokers: []Broker{}}
	defer r.finish()
	r.add(known...)
	cl := newCluster(ctx, c)
	defer cl.close()
	cl.probeAll(ctx)
	r.Brokers = cl.brokers()
	r.Looked = cl.meta != nil
	r.add(checkListeners(cl.listeners)...)
	r.add(checkClusters(cl.listeners)...)
	r.add(checkReleases(cl.listeners)...)
	if !r.Looked {
		if expired(ctx) {
			r.add(cutShort(c))
		}
		return r
	}
	topics := cl.topics()
	r.add(checkTopics(c, topics)...)
	input := topics[c.Topic]
	group := cl.group(input)
	r.add(checkGroup(c, input, group)...)
	s := cl.sample(ctx, input)
	r.Records, r.Partitions = len(s.records), len(input.partitions)
	r.add(checkSample(c, s)...)
	r.add(checkDeadLetters(c, topics[c.DeadLetterTopic], cl.newest(ctx, topics[c.DeadLetterTopic]))...)
	for _, l := range c.Labels {
		r.add(checkLabels(l, cl.newest(ctx, topics[l.Topic]))...)
	}
	if expired(ctx) {
		r.add(cutShort(c))
	}
	return r
}

// expired reports whether ctx has ended. It compares the time too, because a connection's
// timer for the same deadline may fire a moment earlier than the timer of ctx.
func expired(ctx context.Context) bool {
	deadline, set := ctx.Deadline()
	return ctx.Err() != nil || set && !time.Now().Before(deadline)
}

// BundleFault returns the finding for a bundle that does not load, and that a setting names.
func BundleFault(dir, setting string, err error) Finding {
	return Finding{"bundle-broken", Fault, "the bundle in " + dir + " does not load", []string{err.Error()},
		"mend or replace it, or name another by " + setting + "; serveflow bundle verify DIR says more"}
}

func cutShort(c *Config) Finding {
	return Finding{"cut-short", Warn, "the look was cut short: not everything was seen",
		[]string{"it was stopped, or took longer than " + c.Timeout.String()},
		"run it again with a longer --timeout, or with fewer records by --sample"}
}
