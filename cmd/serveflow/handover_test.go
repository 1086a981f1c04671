package main

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// shutTopic has the broker refuse writes to a topic until open is set.
func shutTopic(cluster *kfake.Cluster, topic string) (open *atomic.Bool) {
	open = new(atomic.Bool)
	cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		req := r.(*kmsg.ProduceRequest)
		if open.Load() || len(req.Topics) != 1 || req.Topics[0].Topic != topic {
			return nil, nil, false
		}
		answer := kmsg.NewProduceResponseTopic()
		answer.Topic = topic
		for _, p := range req.Topics[0].Partitions {
			refused := kmsg.NewProduceResponseTopicPartition()
			refused.Partition, refused.ErrorCode = p.Partition, int16(kafka.NotEnoughReplicas)
			answer.Partitions = append(answer.Partitions, refused)
		}
		resp := req.ResponseKind().(*kmsg.ProduceResponse)
		resp.Topics = append(resp.Topics, answer)
		return resp, nil, true
	})
	return open
}

// A whole member, from topic to topic, whose label topic cannot be written gives its
// partitions to a second one. With a session of five minutes, a handover that waited for
// the session would never be seen. Nothing is committed that is not labelled; once the
// topic can be written, every flow has its label.
func TestMemberHandsOverWhileLabelsCannotBeWritten(t *testing.T) {
	onnxtest.Library(t)
	addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(2, packetsTopic), kfake.SeedTopics(1, labelsTopic, packetsTopic+".dlq"))
	open := shutTopic(cluster, labelsTopic)
	for name, value := range map[string]string{"BROKERS": addr, "SESSION_TIMEOUT": "5m", "DRAIN_TIMEOUT": "200ms", "SINK_QUEUE": "1", "COMMIT_EVERY": "20ms"} {
		t.Setenv("SERVEFLOW_"+name, value)
	}
	uids := map[string]bool{}
	for _, rec := range decodedLab(t) { // changes to the folder where the bundle is
		if rec.Kind == zeek.Packet {
			uids[string(rec.UID)] = true
		}
	}
	s, spec, _, err := bundleChoice{dir: new(string), task: new(string)}.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	deliver(t, addr, packetsTopic, strings.Split(strings.TrimSpace(labText(t, "lab")), "\n"))
	member := func() (p *pipeline, reg *prometheus.Registry) {
		reg = prometheus.NewRegistry()
		p, err := newPipeline(s, brokers.Plain("test", addr), spec, reg, s.logger())
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- p.run(ctx) }()
		t.Cleanup(func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		return p, reg
	}
	first, firstReg := member()
	await.Until(t, "the first member cannot write", func() bool {
		err := first.ready()
		return gathered(t, firstReg, "serveflow_assigned_partitions") == 2 && err != nil && strings.Contains(err.Error(), "fewer replicas are in sync")
	})
	_, secondReg := member()
	await.Until(t, "each holds a partition", func() bool {
		return gathered(t, firstReg, "serveflow_assigned_partitions") == 1 && gathered(t, secondReg, "serveflow_assigned_partitions") == 1
	})
	for partition, offset := range kafkatest.CommittedOffsets(t, addr, s.group(), packetsTopic) {
		if offset > 0 {
			t.Errorf("partition %d: committed %d, and no label is written", partition, offset)
		}
	}
	open.Store(true)
	await.Until(t, "all flows are labelled", func() bool { return len(labelled(t, addr)) == len(uids) },
		func() any { return fmt.Sprint(len(labelled(t, addr)), " of ", len(uids)) })
	for uid, labels := range labelled(t, addr) {
		for _, l := range labels[1:] {
			if !sameLabel(labels[0], l) {
				t.Errorf("%s: labelled as %v and %v", uid, labels[0], l)
			}
		}
	}
}

// sameLabel compares two labels of a flow but for wall-clock fields.
func sameLabel(a, b map[string]any) bool {
	return a["label_id"] == b["label_id"] && a["label"] == b["label"] && a["stage"] == b["stage"] && a["reason"] == b["reason"]
}

// gathered is the value of a gauge without labels; -1 where it is not there.
func gathered(t *testing.T, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	return -1
}
