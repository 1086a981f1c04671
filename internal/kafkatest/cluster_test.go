package kafkatest

import (
	"strings"
	"testing"
)

func TestClusterOutlivesABroker(t *testing.T) {
	c := StartCluster(t, 3, nil)
	c.CreateTopic("kept", 4, nil)
	c.MoveLeaders("kept")
	CommittedOffsets(t, c.Addr(), "any", "kept") // now there are the groups' own topics, too
	produce(t, c.Addr(), "kept", 0, one("first"))
	c.Brokers[0].Kill()
	produce(t, c.Addr(), "kept", 0, one("second"))
	c.Brokers[0].Restart()
	c.AwaitInSync()
	c.Brokers[1].Kill()
	AddPartitions(t, c.Addr(), "kept", 6)
	produce(t, c.Addr(), "kept", 0, one("third"))
	got := values(ReadAll(t, c.Addr(), "kept"))
	for _, want := range []string{"first", "second", "third"} {
		if !strings.Contains(got, want) {
			t.Errorf("the topic holds %q: %s is lost", got, want)
		}
	}
}
