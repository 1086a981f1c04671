package kafkatest

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Fake starts an in-process broker of one node, in memory, and closes it when the test
// ends. It starts in less than a millisecond and needs no installation. It is not
// Kafka: a test of behaviour that only a real broker has uses Start.
//
// The options override the defaults: kfake.SeedTopics(6, "packets") makes topics,
// kfake.DataDir keeps the data in a folder, kfake.Ports fixes the port.
func Fake(t testing.TB, opts ...kfake.Opt) (addr string, cluster *kfake.Cluster) {
	t.Helper()
	defaults := []kfake.Opt{kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(time.Second)}
	cluster, err := kfake.NewCluster(append(defaults, opts...)...)
	if err != nil {
		t.Fatalf("kafkatest: start kfake: %v", err)
	}
	t.Cleanup(cluster.Close)
	return cluster.ListenAddrs()[0], cluster
}
