package brokers

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// A name without an address is told apart: one that the settings list, and one that a
// broker advertises, which a client meets only when it wants that broker.
func TestNamesWithoutAddress(t *testing.T) {
	addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(1, "in"))
	cluster.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.MetadataResponse)
		resp.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 0, Host: "kafka-7.invalid", Port: 9092}}
		for _, topic := range req.(*kmsg.MetadataRequest).Topics {
			resp.Topics = append(resp.Topics, kmsg.MetadataResponseTopic{Topic: topic.Topic,
				Partitions: []kmsg.MetadataResponseTopicPartition{{Leader: 0, Replicas: []int32{0}, ISR: []int32{0}}}})
		}
		return resp, nil, true
	})
	for _, test := range []struct {
		dial func() error
		says string
	}{
		{func() error {
			_, err := Plain("test", "nowhere.invalid:9092").DialLeader(t.Context(), "in", 0)
			return err
		},
			"broker nowhere.invalid:9092: its name has no address: mend the name in SERVEFLOW_BROKERS"},
		{func() error { _, err := Plain("test", addr).DialLeader(t.Context(), "in", 0); return err },
			"broker kafka-7.invalid:9092: its name has no address: it is what the broker advertises: mend its advertised.listeners"},
	} {
		err := test.dial()
		var fault *Fault
		if !errors.As(err, &fault) || fault.Kind != Unresolved || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v; want %s", err, test.says)
		}
	}
}
