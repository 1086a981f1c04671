package sink

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go"
)

func TestFailuresNameTopicAndRemedy(t *testing.T) {
	rest := []Message{{Topic: "labels"}}
	for err, says := range map[error]string{
		kafka.UnknownTopicOrPartition:                           "topic labels is missing: create it",
		fmt.Errorf("write: %w", kafka.TopicAuthorizationFailed): "not allowed to write to topic labels: grant this client WRITE",
		errors.New("connection refused"):                        "cannot write to topic labels",
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
