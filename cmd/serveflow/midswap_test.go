package main

import (
	"path/filepath"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// A member is killed in the middle of a change of bundles: labels of both are written, and
// not committed. The one that follows has the new bundle. It reads those flows again, and
// gives none a second label with another id.
func TestACrashInTheMiddleOfASwap(t *testing.T) {
	onnxtest.Library(t)
	t.Chdir(repositoryRoot(t))
	exe := binary(t)
	link := filepath.Join(t.TempDir(), "..data")
	one, two := versionOf(t, "1"), versionOf(t, "2")
	pointTo(t, link, one)
	addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(3, packetsTopic, labelsTopic), kfake.SeedTopics(1, packetsTopic+".dlq"))
	refuseCommits := make(chan struct{})
	cluster.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		select {
		case <-refuseCommits:
		default:
			return nil, nil, false
		}
		refused := req.ResponseKind().(*kmsg.OffsetCommitResponse)
		for _, topic := range req.(*kmsg.OffsetCommitRequest).Topics {
			to := kmsg.NewOffsetCommitResponseTopic()
			to.Topic = topic.Topic
			for _, p := range topic.Partitions {
				of := kmsg.NewOffsetCommitResponseTopicPartition()
				of.Partition, of.ErrorCode = p.Partition, int16(kafka.RequestTimedOut)
				to.Partitions = append(to.Partitions, of)
			}
			refused.Topics = append(refused.Topics, to)
		}
		return refused, nil, true
	})
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
	close(refuseCommits)
	flows()
	pointTo(t, link, two)
	await.Until(t, "the other bundle", func() bool {
		_, metrics := get(admin, "/metrics")
		return metric(metrics, "serveflow_bundle_reloads_total", `outcome="swapped"`) == 1
	})
	flows()
	first.Process.Kill()
	first.Wait()
	if n := committed(); n != records {
		t.Fatalf("%d records are committed, want %d", n, records)
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
	if byBundle["service@test 1"] != 2*perSend || byBundle["service@test 2"] != 2*perSend {
		t.Errorf("flows by bundle: %v, want %d of each", byBundle, 2*perSend)
	}
	_, metrics := get(admin, "/metrics")
	if n := metric(metrics, "serveflow_flows_labelled_before_total", ""); n != float64(2*perSend) {
		t.Errorf("%v flows got no second label, want %d: those since the last commit", n, 2*perSend)
	}
}
