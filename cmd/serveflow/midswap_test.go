package main

import (
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// A member is killed around a change of bundles: labels are written, and not committed. The one
// that follows has the other bundle. It reads those flows again, and gives none a second label
// with another id.
func TestACrashInTheMiddleOfASwap(t *testing.T) {
	onnxtest.Library(t)
	t.Chdir(repositoryRoot(t))
	exe := binary(t)
	for name, named := range map[string]bool{"before a commit names the new bundle": false, "with the new bundle, which the next one has not got yet": true} {
		t.Run(name, func(t *testing.T) { crashAroundASwap(t, exe, named) })
	}
}

// crashAroundASwap kills a member whose commits name its new bundle, or not: then it labels by the
// bundle before.
func crashAroundASwap(t *testing.T, exe string, named bool) {
	link := filepath.Join(t.TempDir(), "..data")
	one, two := versionOf(t, "1"), versionOf(t, "2")
	pointTo(t, link, one)
	addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(3, packetsTopic, labelsTopic), kfake.SeedTopics(1, packetsTopic+".dlq"))
	commits := refuseCommits(cluster) // none, for now
	perSend, sent := len(replayedLabels(t, labFile)), 0
	flows := func() {
		t.Helper()
		sendLab(t, addr, "--again")
		sent += perSend
		await.Until(t, "all labels", func() bool { return len(labelled(t, addr)) == sent })
	}
	member := func() (m *member, admin string) {
		admin = freeAddress(t)
		m = start(t, exe, []string{"SERVEFLOW_BROKERS=" + addr, "SERVEFLOW_ADMIN=" + admin, "SERVEFLOW_BUNDLE=" + link, "SERVEFLOW_RELOAD_EVERY=20ms",
			"SERVEFLOW_SESSION_TIMEOUT=3s", "SERVEFLOW_DRAIN_TIMEOUT=1s", "SERVEFLOW_COMMIT_EVERY=50ms"}, "run")
		awaitReady(t, admin)
		return m, admin
	}
	first, admin := member()
	flows()
	committed := func() (sum int64) {
		for _, offset := range kafkatest.CommittedOffsets(t, addr, "serveflow.service", packetsTopic) {
			sum += offset
		}
		return sum
	}
	records := int64(len(recordLines(t, labFile)))
	await.Until(t, "the first commit", func() bool { return committed() == records })
	commits.all.Store(!named)
	commits.butTheFirst.Store(named)
	pointTo(t, link, two)
	await.Until(t, "the other bundle", func() bool {
		_, metrics := get(admin, "/metrics")
		held := metric(metrics, "serveflow_bundles_held", "") // 1 when each partition has it
		return metric(metrics, "serveflow_bundle_reloads_total", `outcome="swapped"`) == 1 && (!named || held == 1)
	})
	flows()
	first.Process.Kill()
	first.Wait()
	if n := committed(); n != records {
		t.Fatalf("%d records are committed, want %d", n, records)
	}
	commits.all.Store(false)
	commits.butTheFirst.Store(false)
	if named {
		pointTo(t, link, one)
	}
	_, admin = member()
	flows()
	byBundle := map[any]int{}
	for uid, labels := range labelled(t, addr) {
		for _, label := range labels {
			if label["label_id"] != labels[0]["label_id"] {
				t.Fatalf("flow %s is labelled by %s, and again by %s", uid, labels[0]["bundle"], label["bundle"])
			}
		}
		byBundle[labels[0]["bundle"]]++
	}
	if byBundle["service@test 1"] != 2*perSend || byBundle["service@test 2"] != perSend {
		t.Errorf("flows by bundle: %v, want %d by the first and %d by the second", byBundle, 2*perSend, perSend)
	}
	_, metrics := get(admin, "/metrics")
	if n := metric(metrics, "serveflow_flows_labelled_before_total", ""); n != float64(perSend) {
		t.Errorf("%v flows got no second label, want %d: those since the last commit", n, perSend)
	}
}

// refusals says which commits a broker does not take.
type refusals struct {
	all         atomic.Bool
	butTheFirst atomic.Bool // all of a partition but the first that names a second bundle
	mu          sync.Mutex
	named       map[int32]bool
}

// takes reports whether a commit is taken.
func (r *refusals) takes(req *kmsg.OffsetCommitRequest) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.butTheFirst.Load() {
		return !r.all.Load()
	}
	var partitions []int32
	for _, p := range req.Topics[0].Partitions {
		if r.named[p.Partition] || p.Metadata == nil || !strings.Contains(*p.Metadata, ",") {
			return false
		}
		partitions = append(partitions, p.Partition)
	}
	for _, id := range partitions {
		r.named[id] = true
	}
	return true
}

// refuseCommits has a broker refuse commits, as it is told.
func refuseCommits(cluster *kfake.Cluster) *refusals {
	r := &refusals{named: map[int32]bool{}}
	cluster.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		commit := req.(*kmsg.OffsetCommitRequest)
		if r.takes(commit) {
			return nil, nil, false
		}
		return kafkatest.FailCommit(commit, kafka.RequestTimedOut), nil, true
	})
	return r
}
