package sink

import (
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
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
	}
	return fmt.Errorf("sink: cannot write to topic %s; nothing is lost meanwhile: %w", topic, err)
}

// records makes kafka-go's messages of ours.
func records(batch []Message) []kafka.Message {
	out := make([]kafka.Message, len(batch))
	for i, m := range batch {
		out[i] = kafka.Message{Topic: m.Topic, Key: m.Key, Value: m.Value, Headers: m.Headers}
	}
	return out
}
