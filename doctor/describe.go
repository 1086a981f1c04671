package doctor

import (
	"errors"
	"fmt"
	"slices"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// topic is the cluster's description of a topic.
type topic struct {
	name       string
	err        error // kafka.Error: the topic is missing, or this client may not see it
	operations int32 // the allowed operations, one bit each; or unknownOperations
	partitions []partition
	settings   map[string]string
	settingErr error // why settings is nil
}

// unknownOperations is Kafka's value where a broker does not tell the allowed operations.
const unknownOperations = -1 << 31

// partition is the cluster's description of a partition.
type partition struct {
	id         int
	leader     int32 // -1: none
	replicas   int
	inSync     int
	first, end int64 // the offset of the oldest record, and the next offset after the newest
	err        error // why first and end are not known
}

func (t *topic) ok() bool { return t != nil && t.err == nil }

// recordCount returns the number of records in a topic, as its offsets give it.
func (t *topic) recordCount() (n int64) {
	for _, p := range t.partitions {
		n += p.end - p.first
	}
	return n
}

// topics collects the description of the three topics, by name.
func (cl *cluster) topics() map[string]*topic {
	all := make(map[string]*topic)
	for _, m := range cl.meta.Topics {
		t := &topic{name: *m.Topic, operations: m.AuthorizedOperations}
		if cl.meta.Version < metadataVersion {
			t.operations = unknownOperations
		}
		if m.ErrorCode != 0 {
			t.err = kafka.Error(m.ErrorCode)
		}
		for _, p := range m.Partitions {
			t.partitions = append(t.partitions, partition{id: int(p.Partition), leader: p.Leader, replicas: len(p.Replicas), inSync: len(p.ISR)})
		}
		slices.SortFunc(t.partitions, func(a, b partition) int { return a.id - b.id })
		if t.err == nil {
			cl.offsets(t)
			t.settings, t.settingErr = cl.settings(t.name)
		}
		all[t.name] = t
	}
	return all
}

// offsets asks each partition's leader for its first and its end offset.
func (cl *cluster) offsets(t *topic) {
	for i := range t.partitions {
		p := &t.partitions[i]
		conn := cl.leaders[p.leader]
		if conn == nil {
			p.err = fmt.Errorf("its leader, broker %d, cannot be reached", p.leader)
			continue
		}
		if p.first, p.err = offsetAt(conn, t.name, p.id, -2); p.err == nil {
			p.end, p.err = offsetAt(conn, t.name, p.id, -1)
		}
	}
}

// offsetAt asks a broker for an offset by Kafka's special times: -2 is the oldest record,
// -1 the next offset after the newest.
func offsetAt(conn *brokerConn, name string, id int, when int64) (int64, error) {
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Partition, p.Timestamp = int32(id), when
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic, t.Partitions = name, []kmsg.ListOffsetsRequestTopicPartition{p}
	req := kmsg.NewPtrListOffsetsRequest()
	req.Topics = []kmsg.ListOffsetsRequestTopic{t}
	resp, err := conn.ask(req, listOffsetsVersion)
	if err != nil {
		return 0, err
	}
	topics := resp.(*kmsg.ListOffsetsResponse).Topics
	if len(topics) != 1 || len(topics[0].Partitions) != 1 {
		return 0, fmt.Errorf("the broker says nothing of %s/%d", name, id)
	}
	got := topics[0].Partitions[0]
	if got.ErrorCode != 0 {
		return 0, kafka.Error(got.ErrorCode)
	}
	return got.Offset, nil
}

// settings asks the brokers, one after the other, for a topic's settings.
func (cl *cluster) settings(name string) (map[string]string, error) {
	err := errors.New("no broker can be asked")
	for _, conn := range cl.conns {
		var resource kmsg.DescribeConfigsResponseResource
		if resource, err = describeConfigs(conn, name); err != nil {
			continue
		}
		if resource.ErrorCode != 0 {
			return nil, kafka.Error(resource.ErrorCode)
		}
		settings := make(map[string]string)
		for _, c := range resource.Configs {
			if c.Value != nil {
				settings[c.Name] = *c.Value
			}
		}
		return settings, nil
	}
	return nil, err
}

// describeConfigs asks one broker for a topic's settings.
func describeConfigs(conn *brokerConn, name string) (r kmsg.DescribeConfigsResponseResource, err error) {
	resource := kmsg.NewDescribeConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, name
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.Resources = []kmsg.DescribeConfigsRequestResource{resource}
	resp, err := conn.ask(req, configsVersion)
	if err != nil {
		return r, err
	}
	described := resp.(*kmsg.DescribeConfigsResponse).Resources
	if len(described) != 1 {
		return r, fmt.Errorf("the broker describes %d resources, want topic %s", len(described), name)
	}
	return described[0], nil
}
