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

// describe returns an error that says why messages of one topic were not written and what
// to do about it; nil if there are no such messages.
func describe(failed []Message, err error) error {
	if len(failed) == 0 {
		return nil
	}
	topic := failed[0].Topic
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

// recordOverhead is how many bytes Kafka adds to a message, at most.
const recordOverhead = 512

// tooLarge returns an error that names the largest of the parked messages and the limit
// that the topic needs; nil if none are parked.
func tooLarge(parked []Message) error {
	if len(parked) == 0 {
		return nil
	}
	largest := parked[0]
	for _, m := range parked {
		if size(m) > size(largest) {
			largest = m
		}
	}
	return fmt.Errorf("sink: %d messages wait that topic %s does not take; the largest has %d bytes: set its max.message.bytes to %d or more; nothing is lost meanwhile: %w",
		len(parked), largest.Topic, size(largest), size(largest)+recordOverhead, kafka.MessageSizeTooLarge)
}

// unanswered returns an error that says how long a write has had no answer.
func unanswered(topic string, d time.Duration) error {
	return fmt.Errorf("sink: a write to topic %s has had no answer for %d s: is its broker up, and the network to it?; nothing is lost meanwhile", topic, int(d.Seconds()))
}
