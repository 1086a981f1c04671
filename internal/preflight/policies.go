package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/segmentio/kafka-go"
)

// policies checks that the compacted topic is compacted, and that the topic for dead
// letters, which have no keys, is not. A client that may not read a topic's settings
// passes: the broker refuses a record without a key when it is written.
func (c *Check) policies(ctx context.Context, client *kafka.Client) error {
	var req kafka.DescribeConfigsRequest
	for _, topic := range append(slices.Clone(c.cfg.Compacted), c.cfg.Uncompacted) {
		if c.cfg.Topics[topic] != "" {
			req.Resources = append(req.Resources, kafka.DescribeConfigRequestResource{
				ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{"cleanup.policy"}})
		}
	}
	if len(req.Resources) == 0 {
		return nil
	}
	resp, err := client.DescribeConfigs(ctx, &req)
	if err != nil {
		return fmt.Errorf("cannot look up the topics' cleanup.policy: %w", err)
	}
	for _, topic := range resp.Resources {
		if topic.Error != nil || len(topic.ConfigEntries) == 0 {
			continue
		}
		policy, name := topic.ConfigEntries[0].ConfigValue, topic.ResourceName
		switch compact := strings.Contains(policy, "compact"); {
		case slices.Contains(c.cfg.Compacted, name) && !compact:
			return fmt.Errorf("topic %s is not compacted, its cleanup.policy is %s: set it to compact, or compact,delete, or leave SERVEFLOW_LATEST_TOPIC empty", name, policy)
		case name == c.cfg.Uncompacted && compact:
			return fmt.Errorf("topic %s is compacted, its cleanup.policy is %s, and dead letters have no keys: set it to delete, or name another by SERVEFLOW_DEAD_LETTER_TOPIC", name, policy)
		}
	}
	return nil
}
