package consumer

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/brokers"
)

// outside says what keeps the member out of its group, and how to mend it.
func (c *Consumer) outside(err error) error {
	if known := c.remedy(err); known != nil {
		return known
	}
	return fmt.Errorf("consumer: cannot join group %s: %w", c.cfg.Group, err)
}

// unread says what keeps a partition from being read, and how to mend it.
func (c *Consumer) unread(partition int, err error) error {
	if known := c.remedy(err); known != nil {
		return known
	}
	return fmt.Errorf("consumer: cannot read %s/%d: %w", c.cfg.Topic, partition, err)
}

// remedy describes the faults that have one; nil for any other.
func (c *Consumer) remedy(err error) error {
	switch {
	case errors.Is(err, kafka.GroupAuthorizationFailed):
		return fmt.Errorf("consumer: not allowed to use group %s: grant this client READ on it: %w", c.cfg.Group, err)
	case errors.Is(err, kafka.TopicAuthorizationFailed):
		return fmt.Errorf("consumer: not allowed to read topic %s: grant this client READ and DESCRIBE on it: %w", c.cfg.Topic, err)
	case errors.Is(err, kafka.UnknownTopicOrPartition):
		return fmt.Errorf("consumer: topic %s, or a partition of it, is missing: create it: %w", c.cfg.Topic, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("consumer: cannot read topic %s: %s: %w", c.cfg.Topic, brokers.Refused, err)
	}
	return nil
}
