package producer

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/brokers"
)

// describe says what keeps messages from being written, and how to mend it; nil
// where nothing is left over.
func describe(rest []Message, err error) error {
	if len(rest) == 0 {
		return nil
	}
	topic := rest[0].Topic
	switch {
	case errors.Is(err, kafka.UnknownTopicOrPartition):
		return fmt.Errorf("sink: topic %s is missing: create it; nothing is lost meanwhile: %w", topic, err)
	case errors.Is(err, kafka.TopicAuthorizationFailed):
		return fmt.Errorf("sink: not allowed to write to topic %s: grant this client WRITE on it; nothing is lost meanwhile: %w", topic, err)
	case errors.Is(err, kafka.ClusterAuthorizationFailed):
		return fmt.Errorf("sink: not allowed to write to topic %s: grant this client what the broker's log asks for; nothing is lost meanwhile: %w", topic, err)
	case errors.Is(err, kafka.KafkaStorageError):
		return fmt.Errorf("sink: cannot write to topic %s: the broker's disk is full or failed: make room and start the broker again; nothing is lost meanwhile: %w", topic, err)
	case errors.Is(err, kafka.NotEnoughReplicas), errors.Is(err, kafka.NotEnoughReplicasAfterAppend):
		return fmt.Errorf("sink: cannot write to topic %s: fewer replicas are in sync than its min.insync.replicas: start the missing brokers; nothing is lost meanwhile: %w", topic, err)
	case errors.Is(err, kafka.InvalidRecord):
		return fmt.Errorf("sink: topic %s refuses records as they are: one without a key cannot go to a topic whose cleanup.policy is compact: set it to delete; nothing is lost meanwhile: %w", topic, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("sink: cannot write to topic %s: %s; nothing is lost meanwhile: %w", topic, brokers.Refused, err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("sink: cannot write to topic %s: no answer in time; nothing is lost meanwhile: %w", topic, err)
	}
	return fmt.Errorf("sink: cannot write to topic %s; nothing is lost meanwhile: %w", topic, err)
}

// largeMargin is what Kafka adds to a message, and more.
const largeMargin = 512

// tooLarge says which message is larger than its topic allows, and how to mend it;
// nil where none is.
func tooLarge(parked []Message) error {
	if len(parked) == 0 {
		return nil
	}
	most := parked[0]
	for _, m := range parked {
		if size(m) > size(most) {
			most = m
		}
	}
	return fmt.Errorf("sink: %d messages wait that topic %s does not take; the largest has %d bytes: set its max.message.bytes to %d or more; nothing is lost meanwhile: %w",
		len(parked), most.Topic, size(most), size(most)+largeMargin, kafka.MessageSizeTooLarge)
}

// unanswered says that a write has had no answer for so long.
func unanswered(topic string, d time.Duration) error {
	return fmt.Errorf("sink: a write to topic %s has had no answer for %d s: is its broker up, and the network to it?; nothing is lost meanwhile", topic, int(d.Seconds()))
}

// records makes kafka-go's messages of ours.
func records(batch []Message) []kafka.Message {
	out := make([]kafka.Message, len(batch))
	for i, m := range batch {
		out[i] = kafka.Message{Topic: m.Topic, Key: m.Key, Value: m.Value, Headers: m.Headers}
	}
	return out
}
