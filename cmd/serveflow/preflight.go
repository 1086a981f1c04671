package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

// preflight waits, for a while, until a broker answers and has the topics that
// are read and written, each given with the setting that names it. Its error says
// what is missing and how to mend it.
func preflight(ctx context.Context, s *Settings, topics map[string]string) error {
	deadline := time.Now().Add(s.StartTimeout)
	for {
		err := lookUp(ctx, s, topics)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func lookUp(ctx context.Context, s *Settings, wanted map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	transport := &kafka.Transport{ClientID: s.ClientID}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(s.Brokers...), Transport: transport}
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: slices.Sorted(maps.Keys(wanted))})
	if err != nil {
		return fmt.Errorf("no broker of SERVEFLOW_BROKERS=%s answers: start one, or name others: %w", strings.Join(s.Brokers, ","), err)
	}
	for _, topic := range meta.Topics {
		switch {
		case errors.Is(topic.Error, kafka.UnknownTopicOrPartition):
			return fmt.Errorf("topic %s is missing: create it, or name another by %s", topic.Name, wanted[topic.Name])
		case errors.Is(topic.Error, kafka.TopicAuthorizationFailed):
			return fmt.Errorf("not allowed to see topic %s: grant this client DESCRIBE and READ or WRITE on it, or name another by %s", topic.Name, wanted[topic.Name])
		}
	}
	return nil
}
