package doctor

import (
	"fmt"
	"slices"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// topic is what the cluster says of one.
type topic struct {
	name       string
	err        error // kafka.Error: missing, or hidden from us
	operations int32 // bits, one an operation that we may do; unknown: undisclosed
	partitions []partition
	settings   map[string]string
	settingErr error // why there are none
}

// undisclosed stands where a broker does not tell which operations are allowed.
const undisclosed = -1 << 31

// partition is what the cluster says of one.
type partition struct {
	id         int
	leader     int32 // -1: none
	replicas   int
	inSync     int
	first, end int64 // offsets of the oldest record, and behind the newest
	err        error // why the offsets are not known
}

func (t *topic) ok() bool { return t != nil && t.err == nil }

// held counts the records of a topic, as far as offsets tell.
func (t *topic) held() (n int64) {
	for _, p := range t.partitions {
		n += p.end - p.first
	}
	return n
}

// topics gathers what can be known of our topics.
func (cl *cluster) topics() map[string]*topic {
	all := make(map[string]*topic)
	for _, m := range cl.meta.Topics {
		t := &topic{name: *m.Topic, operations: m.AuthorizedOperations}
		if cl.meta.Version < metadataVersion {
			t.operations = undisclosed
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
		w := cl.leaders[p.leader]
		if w == nil {
			p.err = fmt.Errorf("its leader, broker %d, cannot be reached", p.leader)
			continue
		}
		if p.first, p.err = offsetAt(w, t.name, p.id, -2); p.err == nil {
			p.end, p.err = offsetAt(w, t.name, p.id, -1)
		}
	}
}

// offsetAt asks for an offset by time: -2 is the oldest, -1 behind the newest.
func offsetAt(w *wire, name string, id int, when int64) (int64, error) {
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Partition, p.Timestamp = int32(id), when
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic, t.Partitions = name, []kmsg.ListOffsetsRequestTopicPartition{p}
	req := kmsg.NewPtrListOffsetsRequest()
	req.Topics = []kmsg.ListOffsetsRequestTopic{t}
	resp, err := w.ask(req, listOffsetsVersion)
	if err != nil {
		return 0, err
	}
	for _, t := range resp.(*kmsg.ListOffsetsResponse).Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				return 0, kafka.Error(p.ErrorCode)
			}
			return p.Offset, nil
		}
	}
	return 0, fmt.Errorf("the broker says nothing of %s/%d", name, id)
}

// settings asks any broker for a topic's settings.
func (cl *cluster) settings(name string) (map[string]string, error) {
	err := fmt.Errorf("no broker can be asked")
	for _, w := range cl.wires {
		r := kmsg.NewDescribeConfigsRequestResource()
		r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, name
		req := kmsg.NewPtrDescribeConfigsRequest()
		req.Resources = []kmsg.DescribeConfigsRequestResource{r}
		var resp kmsg.Response
		if resp, err = w.ask(req, configsVersion); err != nil {
			continue
		}
		for _, r := range resp.(*kmsg.DescribeConfigsResponse).Resources {
			if r.ErrorCode != 0 {
				return nil, kafka.Error(r.ErrorCode)
			}
			all := make(map[string]string)
			for _, c := range r.Configs {
				if c.Value != nil {
					all[c.Name] = *c.Value
				}
			}
			return all, nil
		}
	}
	return nil, err
}
