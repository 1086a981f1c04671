package producer

import (
	"context"
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
		kafka.ClusterAuthorizationFailed:                        "not allowed to write to topic labels: grant this client what the broker's log asks for",
		kafka.NotEnoughReplicasAfterAppend:                      "fewer replicas are in sync",
		context.DeadlineExceeded:                                "no answer in time",
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
		t.Error("an error without a message that failed")
	}
}

func TestTooLargeNamesTheLargestMessage(t *testing.T) {
	of := func(bytes int) Message { return Message{Topic: "labels", Value: make([]byte, bytes)} }
	for _, parked := range [][]Message{{of(30)}, {of(30), of(20)}, {of(10), of(30), of(20)}} {
		want := fmt.Sprintf("sink: %d messages wait that topic labels does not take; the largest has 30 bytes: set its max.message.bytes to 542 or more", len(parked))
		if err := tooLarge(parked); !errors.Is(err, kafka.MessageSizeTooLarge) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v", err)
		}
	}
	if tooLarge(nil) != nil {
		t.Error("an error without a message that is too large")
	}
}
