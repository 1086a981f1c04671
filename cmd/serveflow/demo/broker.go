package demo

import (
	"fmt"
	"os"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Partitions is how many partitions each of the demo's topics has.
const Partitions = 6

// StartBroker starts an in-process broker that keeps its data in dir, which is
// emptied first, with the topics made.
func StartBroker(dir string, topics ...string) (*kfake.Cluster, error) {
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("empty the broker's folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the broker's folder: %w", err)
	}
	broker, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(Partitions, topics...), kfake.DataDir(dir))
	if err != nil {
		return nil, fmt.Errorf("start the in-process broker: %w", err)
	}
	return broker, nil
}
