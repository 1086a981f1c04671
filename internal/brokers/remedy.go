package brokers

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/segmentio/kafka-go"
)

// Explain says what a member of group that reads topic could not do ("join group g",
// "read topic/3"), and how to mend it where that is known. The error wraps err.
func Explain(err error, doing, topic, group string) error {
	var fault *Fault
	switch {
	case errors.As(err, &fault): // it says what to do, whatever is wrapped around it
		return fmt.Errorf("consumer: cannot %s: %w", doing, fault)
	case errors.Is(err, kafka.GroupAuthorizationFailed):
		return fmt.Errorf("consumer: not allowed to use group %s: grant this client READ on it: %w", group, err)
	case errors.Is(err, kafka.TopicAuthorizationFailed):
		return fmt.Errorf("consumer: not allowed to read topic %s: grant this client READ and DESCRIBE on it: %w", topic, err)
	case errors.Is(err, kafka.UnknownTopicOrPartition):
		return fmt.Errorf("consumer: topic %s, or a partition of it, is missing: create it: %w", topic, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("consumer: cannot %s: %s: %w", doing, Refused, err)
	}
	return fmt.Errorf("consumer: cannot %s: %w", doing, err)
}
