package producer

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/segmentio/kafka-go"
)

func TestFailuresNameTopicAndRemedy(t *testing.T) {
	rest := []Message{{Topic: "labels"}}
	for err, says := range map[error]string{
		kafka.UnknownTopicOrPartition:                           "topic labels is missing: create it",
		fmt.Errorf("write: %w", kafka.TopicAuthorizationFailed): "not allowed to write to topic labels: grant this client WRITE",
		kafka.KafkaStorageError:                                 "the broker's disk is full or failed: make room",
		kafka.NotEnoughReplicas:                                 "fewer replicas are in sync",
		kafka.InvalidRecord:                                     "cleanup.policy is compact: set it to delete",
		fmt.Errorf("dial: %w", syscall.ECONNREFUSED):            "no broker answers: start it; if it stopped by itself, its log says why, often a full disk",
		errors.New("connection reset"):                          "cannot write to topic labels",
	} {
		got := describe(rest, err)
		if !errors.Is(got, err) || !strings.Contains(got.Error(), says) || !strings.Contains(got.Error(), "nothing is lost") {
			t.Errorf("%v", got)
		}
	}
	if describe(nil, nil) != nil {
		t.Error("nothing is left over, so nothing fails")
	}
}
