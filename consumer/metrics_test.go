package consumer

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/consumer/assembler"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
	"github.com/serveflow/serveflow/internal/metricstest"
)

// counted is a member, and the registry of its metrics.
func counted(cfg Config, h *harness) (*Consumer, *prometheus.Registry) {
	reg := prometheus.NewRegistry()
	return New(cfg, func() assembler.Decider { return h }, h, NewMetrics(reg), quiet()), reg
}

// shown are the partitions of which a registry has gauges: of where they are, or of their
// flows.
func shown(t *testing.T, reg *prometheus.Registry) (partitions []int) {
	values := metricstest.Values(t, reg)
	for partition := range 2 {
		suffix := fmt.Sprintf("{%d}", partition)
		for name := range values {
			if strings.HasSuffix(name, suffix) {
				partitions = append(partitions, partition)
				break
			}
		}
	}
	return partitions
}

// Two members, and then one: each shows gauges of the partitions that it has, and none of
// those that went to the other.
func TestGaugesGoWithThePartition(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(2, "in"))
	cfg := config(addr)
	first, firstReg := counted(cfg, &harness{})
	second, secondReg := counted(cfg, &harness{})
	start(t, first)
	await.Until(t, "gauges of both partitions", func() bool {
		values, all := metricstest.Values(t, firstReg), true
		for _, name := range []string{"next_offset", "low_watermark", "open_flows", "open_flow_bytes", "finished_uids"} {
			_, zero := values["serveflow_"+name+"{0}"]
			_, one := values["serveflow_"+name+"{1}"]
			all = all && zero && one
		}
		return all
	})
	stop := start(t, second)
	state := func() any { return fmt.Sprint(shown(t, firstReg), shown(t, secondReg)) }
	await.Until(t, "gauges of one partition at each member", func() bool {
		one, other := shown(t, firstReg), shown(t, secondReg)
		return len(one) == 1 && len(other) == 1 && one[0] != other[0]
	}, state)
	stop()
	await.Until(t, "gauges of both partitions again", func() bool { return len(shown(t, firstReg)) == 2 }, state)
	if left := shown(t, secondReg); len(left) > 0 {
		t.Errorf("a member that is stopped has gauges of the partitions %d", left)
	}
}

// Commits that fail are counted, and tried again.
func TestCommitFailuresAreCounted(t *testing.T) {
	addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(1, "in"))
	var asked atomic.Int64
	cluster.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if asked.Add(1) > 3 {
			return nil, nil, false
		}
		p := kmsg.NewOffsetCommitResponseTopicPartition()
		p.ErrorCode = int16(kafka.GroupLoadInProgress)
		resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
		resp.Topics = []kmsg.OffsetCommitResponseTopic{{Topic: "in", Partitions: []kmsg.OffsetCommitResponseTopicPartition{p}}}
		return resp, nil, true
	})
	h := &harness{}
	c, reg := counted(config(addr), h)
	start(t, c)
	send(t, addr, line("a", 1, 0), line("a", 2, .1))
	await.Until(t, "the fourth commit", func() bool { return committed(t, addr) == 2 })
	if n := metricstest.Values(t, reg)["serveflow_commit_failures_total"]; n != 3 {
		t.Errorf("%v failures counted, want 3", n)
	}
}

// Every reason of a dead letter is listed, and once.
func TestDeadLetterReasons(t *testing.T) {
	all := Reasons()
	for _, reason := range []string{"syntax", "too_long", "tombstone", "crc", "batch_too_large"} {
		if !slices.Contains(all, reason) {
			t.Errorf("%s is not listed", reason)
		}
	}
	slices.Sort(all)
	if once := slices.Compact(slices.Clone(all)); len(once) != len(all) {
		t.Errorf("some are listed twice: %s", all)
	}
}
