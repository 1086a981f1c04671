package brokers

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/segmentio/kafka-go"
)

// Remedy says how to mend what keeps a client from reading topic as a member of
// group. The error that it returns wraps err. It is nil where no remedy is known.
func Remedy(err error, topic, group string) error {
	var fault *Fault
	switch {
	case errors.As(err, &fault): // it says what to do, whatever is wrapped around it
		return fmt.Errorf("consumer: cannot read topic %s: %w", topic, fault)
	case errors.Is(err, kafka.GroupAuthorizationFailed):
		return fmt.Errorf("consumer: not allowed to use group %s: grant this client READ on it: %w", group, err)
	case errors.Is(err, kafka.TopicAuthorizationFailed):
		return fmt.Errorf("consumer: not allowed to read topic %s: grant this client READ and DESCRIBE on it: %w", topic, err)
	case errors.Is(err, kafka.UnknownTopicOrPartition):
		return fmt.Errorf("consumer: topic %s, or a partition of it, is missing: create it: %w", topic, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("consumer: cannot read topic %s: %s: %w", topic, Refused, err)
	}
	return nil
}
