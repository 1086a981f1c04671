package faults

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// withheld is a fault after which something cannot be read or written any more.
type withheld struct {
	fault  string
	breaks func(s *scene) (mend func())
	says   []string // all of it, in words, within ten seconds
	flows  bool     // labels go on meanwhile
	dead   int      // records that nobody can read
}

const withheldTarget = "not ready within 10 s, says which and why; resumes within 30 s of the mend; lost 0"

// authorising is what a broker with access rules has beyond the usual.
const authorising = `
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
`

// What cannot be written or read any more, and is mended.
func TestFaultsTopics(t *testing.T) {
	group(t)
	fullDisk(t)
	broker := kafkatest.StartWith(t, kafkatest.Options{Properties: authorising})
	stopped(t, broker)
	for _, w := range []withheld{
		{"label topic missing", missing, []string{"labels is missing: create it"}, false, 0},
		{"may not write labels", func(s *scene) func() {
			return s.forbid(kafka.ResourceTypeTopic, s.labels(), kafka.ACLOperationTypeWrite)
		}, []string{"not allowed to write to topic", ".labels: grant this client WRITE"}, false, 0},
		{"may not read the input", func(s *scene) func() {
			return s.forbid(kafka.ResourceTypeTopic, s.name, kafka.ACLOperationTypeRead)
		}, []string{"not allowed to read topic", "grant this client READ"}, false, 0},
		{"may not use the group", func(s *scene) func() {
			return s.forbid(kafka.ResourceTypeGroup, s.name, kafka.ACLOperationTypeRead)
		}, []string{"not allowed to use group", "grant this client READ"}, false, 0},
		{"dead-letter topic unwritable", func(s *scene) func() {
			mend := s.forbid(kafka.ResourceTypeTopic, s.letters(), kafka.ACLOperationTypeWrite)
			s.poison(100)
			return mend
		}, []string{"not allowed to write to topic", ".dlq: grant this client WRITE"}, true, poisonous},
		{"label too large for its topic", func(s *scene) func() {
			return s.atMost(s.labels(), 200)
		}, []string{".labels does not take", "set its max.message.bytes to"}, false, 0},
		{"dead letter too large for its topic", func(s *scene) func() {
			mend := s.atMost(s.letters(), 200)
			s.poison(5000)
			return mend
		}, []string{".dlq does not take", "set its max.message.bytes to"}, true, poisonous},
	} {
		run(t, w.fault, withheldTarget, func(t *testing.T, r *row) {
			t.Parallel()
			s := newScene(t, setup{brokers: []string{broker.Addr}, partitions: 4, settings: []string{"SERVEFLOW_COMMIT_EVERY=200ms"}})
			s.start(1)
			s.await()
			mend := w.breaks(s)
			s.send(traffic{flows: choose(1500, 60_000), rate: 150})
			w.hold(t, r, s, func() { time.Sleep(choose(3*time.Second, time.Minute)) }, mend)
		})
	}
}

// stopped is the row of a member that is told to end while its labels cannot be
// written, and of the one that comes after it.
func stopped(t *testing.T, broker *kafkatest.Broker) {
	const drain = 3 * time.Second
	run(t, "SIGTERM while labels cannot be written", "ends within the drain timeout + 2 s; the next one loses nothing", func(t *testing.T, r *row) {
		t.Parallel()
		s := newScene(t, setup{brokers: []string{broker.Addr}, partitions: 4,
			settings: []string{"SERVEFLOW_COMMIT_EVERY=200ms", "SERVEFLOW_SINK_QUEUE=50", "SERVEFLOW_DRAIN_TIMEOUT=" + drain.String()}})
		m := s.start(1)[0]
		s.await()
		mend := s.forbid(kafka.ResourceTypeTopic, s.labels(), kafka.ACLOperationTypeWrite)
		s.send(traffic{flows: choose(1500, 60_000), rate: 300})
		eventually(t, 10*time.Second, "not ready", func() bool { return m.ready() != nil })
		time.Sleep(3 * time.Second) // the queue is full by now
		took := m.stop()
		r.saw("ended after %.1f s", took.Seconds())
		if took > drain+2*time.Second {
			t.Errorf("ended after %v, the drain timeout is %v", took, drain)
		}
		mend()
		s.start(1)
		s.settle(60 * time.Second)
		r.hold(t, s.finish(), limits{duplicates: .1})
	})
}

// hold sees a scene through its fault: until its members say what is wrong, for as
// long as stay takes, and from the mend on until labels flow.
func (w withheld) hold(t *testing.T, r *row, s *scene, stay, mend func()) {
	t.Helper()
	told := 0 * time.Second
	for _, m := range s.running() {
		told = max(told, eventually(t, 10*time.Second, "not ready", func() bool { return m.ready() != nil }))
	}
	stay() // what was read before the fault is labelled by now
	began := s.labelsOut()
	stay()
	for _, m := range s.running() {
		err := fmt.Sprint(m.ready())
		for _, words := range w.says {
			if !strings.Contains(err, words) {
				t.Errorf("%q does not say %q", err, words)
			}
		}
	}
	if grown := s.labelsOut() > began; grown != w.flows {
		t.Errorf("labels flow meanwhile: %v", grown)
	}
	began = s.labelsOut()
	mend()
	mended := eventually(t, 30*time.Second, "labels flow, and all are ready", func() bool {
		for _, m := range s.running() {
			if m.ready() != nil {
				return false
			}
		}
		return s.labelsOut() > began || w.flows
	})
	s.settle(60 * time.Second)
	r.saw("not ready after %.1f s: %s; resumed %.1f s after the mend", told.Seconds(), w.says[len(w.says)-1], mended.Seconds())
	y := s.finish()
	if y.dead["syntax"] != w.dead {
		t.Errorf("%d dead letters, %d were sent", y.dead["syntax"], w.dead)
	}
	r.hold(t, y, limits{duplicates: .2})
}

// labelsOut is how many labels the members have written.
func (c *scene) labelsOut() float64 {
	n := 0.
	for _, m := range c.running() {
		n += m.metric("serveflow_written_total", `topic="`+c.labels()+`"`)
	}
	return n
}

// poisonous is how many records poison writes.
const poisonous = 20

// poison writes records of so many bytes that nobody can read.
func (c *scene) poison(size int) {
	c.t.Helper()
	w := &kafka.Writer{Addr: kafka.TCP(c.brokers...), Topic: c.name, BatchTimeout: time.Millisecond}
	defer w.Close()
	for n := range poisonous {
		eventually(c.t, time.Minute, "a record that nobody can read is written", func() bool {
			return w.WriteMessages(context.Background(), kafka.Message{Value: noise(n, size)}) == nil
		})
	}
}

// noise is text that does not compress well.
func noise(seed, size int) []byte {
	text := make([]byte, size)
	for x, i := uint32(seed+1), 0; i < size; i++ {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		text[i] = ' ' + byte(x%90)
	}
	return text
}

// missing deletes the label topic before there is anything in it.
func missing(s *scene) (mend func()) {
	s.t.Helper()
	res, err := s.client.DeleteTopics(context.Background(), &kafka.DeleteTopicsRequest{Topics: []string{s.labels()}})
	if err == nil {
		err = res.Errors[s.labels()]
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return func() { s.create(s.labels(), s.partitions) }
}

// atMost sets the largest message that a topic takes; mend sets it back.
func (c *scene) atMost(topic string, bytes int) (mend func()) {
	set := func(value int) {
		c.t.Helper()
		eventually(c.t, 10*time.Second, "max.message.bytes is set", func() bool {
			res, err := c.client.IncrementalAlterConfigs(context.Background(), &kafka.IncrementalAlterConfigsRequest{
				Resources: []kafka.IncrementalAlterConfigsRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic,
					Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: "max.message.bytes", Value: fmt.Sprint(value), ConfigOperation: kafka.ConfigOperationSet}}}}})
			return err == nil && res.Resources[0].Error == nil
		})
	}
	set(bytes)
	return func() { set(1 << 20) }
}

// forbid withdraws an authorisation from everybody, members and the bench; mend
// gives it back.
func (c *scene) forbid(kind kafka.ResourceType, name string, op kafka.ACLOperationType) (mend func()) {
	c.t.Helper()
	rule := func(op kafka.ACLOperationType, permission kafka.ACLPermissionType) kafka.ACLEntry {
		return kafka.ACLEntry{ResourceType: kind, ResourceName: name, ResourcePatternType: kafka.PatternTypeLiteral,
			Principal: "User:*", Host: "*", Operation: op, PermissionType: permission}
	}
	res, err := c.client.CreateACLs(context.Background(), &kafka.CreateACLsRequest{ACLs: []kafka.ACLEntry{
		rule(kafka.ACLOperationTypeAll, kafka.ACLPermissionTypeAllow), rule(op, kafka.ACLPermissionTypeDeny)}})
	if err == nil {
		err = res.Errors[len(res.Errors)-1]
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return func() {
		c.t.Helper()
		res, err := c.client.DeleteACLs(context.Background(), &kafka.DeleteACLsRequest{Filters: []kafka.DeleteACLsFilter{{
			ResourceTypeFilter: kind, ResourceNameFilter: name, ResourcePatternTypeFilter: kafka.PatternTypeLiteral,
			Operation: op, PermissionType: kafka.ACLPermissionTypeDeny}}})
		if err == nil {
			err = res.Results[0].Error
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
}
