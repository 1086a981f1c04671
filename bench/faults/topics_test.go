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

// outage is a fault that stops reading or writing until it is mended.
type outage struct {
	fault          string
	inject         func(h *harness) (mend func())
	wantMessage    []string // what /readyz must say within ten seconds, all of it
	labelsContinue bool     // labels are written during the fault
	badRecords     int      // records that were sent and cannot be decoded
}

const outageTarget = "not ready within 10 s, says which and why; resumes within 30 s of the mend; lost 0"

// aclProperties are the properties of a broker with ACLs.
const aclProperties = `
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
`

// Topics, groups and disks that cannot be read or written, until they are mended.
func TestFaultsTopics(t *testing.T) {
	requireBench(t)
	t.Parallel() // with the other groups: their rows mostly wait
	fullDisk(t)
	broker := kafkatest.StartWith(t, kafkatest.Options{Properties: aclProperties})
	stopWhileBlocked(t, broker)
	for _, w := range []outage{
		{"label topic missing", deleteLabelTopic, []string{"labels is missing: create it"}, false, 0},
		{"may not write labels", func(h *harness) func() {
			return h.denyACL(kafka.ResourceTypeTopic, h.labels(), kafka.ACLOperationTypeWrite)
		}, []string{"not allowed to write to topic", ".labels: grant this client WRITE"}, false, 0},
		{"may not read the input", func(h *harness) func() {
			return h.denyACL(kafka.ResourceTypeTopic, h.name, kafka.ACLOperationTypeRead)
		}, []string{"not allowed to read topic", "grant this client READ"}, false, 0},
		{"may not use the group", func(h *harness) func() {
			return h.denyACL(kafka.ResourceTypeGroup, h.name, kafka.ACLOperationTypeRead)
		}, []string{"not allowed to use group", "grant this client READ"}, false, 0},
		{"dead-letter topic unwritable", func(h *harness) func() {
			mend := h.denyACL(kafka.ResourceTypeTopic, h.deadLetters(), kafka.ACLOperationTypeWrite)
			h.sendBadRecords(100)
			return mend
		}, []string{"not allowed to write to topic", ".dlq: grant this client WRITE"}, true, badRecordCount},
		{"label too large for its topic", func(h *harness) func() {
			return h.limitMessageSize(h.labels(), 200)
		}, []string{".labels does not take", "set its max.message.bytes to"}, false, 0},
		{"dead letter too large for its topic", func(h *harness) func() {
			mend := h.limitMessageSize(h.deadLetters(), 200)
			h.sendBadRecords(5000)
			return mend
		}, []string{".dlq does not take", "set its max.message.bytes to"}, true, badRecordCount},
	} {
		run(t, w.fault, outageTarget, func(t *testing.T, r *row) {
			t.Parallel()
			h := newHarness(t, harnessConfig{brokers: []string{broker.Addr}, partitions: 4, settings: []string{"SERVEFLOW_COMMIT_EVERY=200ms"}})
			h.start(1)
			h.awaitReady()
			mend := w.inject(h)
			h.send(traffic{flows: choose(1500, 60_000), rate: 150})
			w.check(t, r, h, func() { time.Sleep(choose(3*time.Second, time.Minute)) }, mend)
		})
	}
}

// stopWhileBlocked stops a member while its labels cannot be written, and starts another after
// the mend.
func stopWhileBlocked(t *testing.T, broker *kafkatest.Broker) {
	const drain = 3 * time.Second
	run(t, "SIGTERM while labels cannot be written", "ends within the drain timeout + 2 s; the next one loses nothing", func(t *testing.T, r *row) {
		t.Parallel()
		h := newHarness(t, harnessConfig{brokers: []string{broker.Addr}, partitions: 4,
			settings: []string{"SERVEFLOW_COMMIT_EVERY=200ms", "SERVEFLOW_SINK_QUEUE=50", "SERVEFLOW_DRAIN_TIMEOUT=" + drain.String()}})
		m := h.start(1)[0]
		h.awaitReady()
		mend := h.denyACL(kafka.ResourceTypeTopic, h.labels(), kafka.ACLOperationTypeWrite)
		h.send(traffic{flows: choose(1500, 60_000), rate: 300})
		eventually(t, 10*time.Second, "not ready", func() bool { return m.ready() != nil })
		time.Sleep(3 * time.Second) // by then the queue is full
		took := m.stop()
		r.note("ended after %.1f s", took.Seconds())
		if took > drain+2*time.Second {
			t.Errorf("ended after %v, the drain timeout is %v", took, drain)
		}
		mend()
		h.start(1)
		h.settle(60 * time.Second)
		r.check(t, h.finish(), limits{duplicates: .1})
	})
}

// check waits until the members name the fault, stays in the fault, mends it, and waits until
// labels are written again. stay takes as long as the fault lasts, mend ends it.
func (w outage) check(t *testing.T, r *row, h *harness, stay, mend func()) {
	t.Helper()
	told := 0 * time.Second
	for _, m := range h.running() {
		told = max(told, eventually(t, 10*time.Second, "not ready", func() bool { return m.ready() != nil }))
	}
	stay() // by then the records that were read before the fault are labelled
	began := h.writtenLabels()
	stay()
	for _, m := range h.running() {
		err := fmt.Sprint(m.ready())
		for _, words := range w.wantMessage {
			if !strings.Contains(err, words) {
				t.Errorf("%q does not say %q", err, words)
			}
		}
	}
	if grown := h.writtenLabels() > began; grown != w.labelsContinue {
		t.Errorf("labels flow meanwhile: %v", grown)
	}
	began = h.writtenLabels()
	mend()
	mended := eventually(t, 30*time.Second, "labels flow, and all are ready", func() bool {
		for _, m := range h.running() {
			if m.ready() != nil {
				return false
			}
		}
		return h.writtenLabels() > began || w.labelsContinue
	})
	h.settle(60 * time.Second)
	r.note("not ready after %.1f s: %s; resumed %.1f s after the mend", told.Seconds(), w.wantMessage[len(w.wantMessage)-1], mended.Seconds())
	res := h.finish()
	if res.deadLetters["syntax"] != w.badRecords {
		t.Errorf("%d dead letters, %d were sent", res.deadLetters["syntax"], w.badRecords)
	}
	r.check(t, res, limits{duplicates: .2})
}

// writtenLabels returns how many labels the members have written.
func (h *harness) writtenLabels() float64 {
	n := 0.
	for _, m := range h.running() {
		n += m.metric("serveflow_written_total", `topic="`+h.labels()+`"`)
	}
	return n
}

// badRecordCount is the number of records that sendBadRecords writes.
const badRecordCount = 20

// sendBadRecords writes records of size bytes that cannot be decoded.
func (h *harness) sendBadRecords(size int) {
	h.t.Helper()
	w := &kafka.Writer{Addr: kafka.TCP(h.cfg.brokers...), Topic: h.name, BatchTimeout: time.Millisecond, RequiredAcks: kafka.RequireAll}
	defer w.Close()
	for n := range badRecordCount {
		eventually(h.t, time.Minute, "a record that nobody can read is written", func() bool {
			return w.WriteMessages(context.Background(), kafka.Message{Value: incompressible(n, size)}) == nil
		})
	}
}

// incompressible returns a text that does not compress well.
func incompressible(seed, size int) []byte {
	text := make([]byte, size)
	for x, i := uint32(seed+1), 0; i < size; i++ {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		text[i] = ' ' + byte(x%90)
	}
	return text
}

// deleteLabelTopic deletes the label topic while it is empty; mend creates it again.
func deleteLabelTopic(h *harness) (mend func()) {
	h.t.Helper()
	res, err := h.client.DeleteTopics(context.Background(), &kafka.DeleteTopicsRequest{Topics: []string{h.labels()}})
	if err == nil {
		err = res.Errors[h.labels()]
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return func() { h.create(h.labels(), h.cfg.partitions) }
}

// limitMessageSize sets max.message.bytes of a topic; mend sets it back.
func (h *harness) limitMessageSize(topic string, bytes int) (mend func()) {
	set := func(value int) {
		h.t.Helper()
		eventually(h.t, 10*time.Second, "max.message.bytes is set", func() bool {
			res, err := h.client.IncrementalAlterConfigs(context.Background(), &kafka.IncrementalAlterConfigsRequest{
				Resources: []kafka.IncrementalAlterConfigsRequestResource{{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic,
					Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: "max.message.bytes", Value: fmt.Sprint(value), ConfigOperation: kafka.ConfigOperationSet}}}}})
			return err == nil && res.Resources[0].Error == nil
		})
	}
	set(bytes)
	return func() { set(1 << 20) }
}

// denyACL denies an operation to every client, to the bench too; mend allows it again.
func (h *harness) denyACL(kind kafka.ResourceType, name string, op kafka.ACLOperationType) (mend func()) {
	h.t.Helper()
	rule := func(op kafka.ACLOperationType, permission kafka.ACLPermissionType) kafka.ACLEntry {
		return kafka.ACLEntry{ResourceType: kind, ResourceName: name, ResourcePatternType: kafka.PatternTypeLiteral,
			Principal: "User:*", Host: "*", Operation: op, PermissionType: permission}
	}
	res, err := h.client.CreateACLs(context.Background(), &kafka.CreateACLsRequest{ACLs: []kafka.ACLEntry{
		rule(kafka.ACLOperationTypeAll, kafka.ACLPermissionTypeAllow), rule(op, kafka.ACLPermissionTypeDeny)}})
	if err == nil {
		err = res.Errors[len(res.Errors)-1]
	}
	if err != nil {
		h.t.Fatal(err)
	}
	return func() {
		h.t.Helper()
		res, err := h.client.DeleteACLs(context.Background(), &kafka.DeleteACLsRequest{Filters: []kafka.DeleteACLsFilter{{
			ResourceTypeFilter: kind, ResourceNameFilter: name, ResourcePatternTypeFilter: kafka.PatternTypeLiteral,
			Operation: op, PermissionType: kafka.ACLPermissionTypeDeny}}})
		if err == nil {
			err = res.Results[0].Error
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
}
