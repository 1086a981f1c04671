package doctor

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/segmentio/kafka-go"
)

// role is the use of a topic: the setting that names it, and whether
// serveflow run writes it or reads it.
type role struct {
	topic, setting string
	write          bool
}

func roles(c *Config) []role {
	all := []role{{c.Topic, "SERVEFLOW_TOPIC", false}}
	for _, l := range c.Labels {
		all = append(all, role{l.Topic, "SERVEFLOW_LABEL_TOPIC", true})
	}
	return append(all, role{c.DeadLetterTopic, "SERVEFLOW_DEAD_LETTER_TOPIC", true})
}

// checkTopics checks the topics: existence, access, replicas and settings.
func checkTopics(c *Config, topics map[string]*topic) (found []Finding) {
	for _, r := range roles(c) {
		t := topics[r.topic]
		if t == nil {
			continue
		}
		if t.err != nil {
			found = append(found, topicError(c, r, t.err))
			continue
		}
		found = append(found, checkAccess(c, r, t)...)
		found = append(found, checkReplicas(r, t)...)
		if t.settingErr != nil {
			found = append(found, Finding{"settings-hidden", Info, "the settings of topic " + r.topic + " cannot be read, so retention and sizes were not looked at",
				[]string{t.settingErr.Error()}, "grant this client DESCRIBE_CONFIGS on topic " + r.topic + " to have them looked at; serveflow run does not need it"})
			continue
		}
		found = append(found, checkMessageSize(r, t)...)
		found = append(found, checkCleanup(r, t)...)
	}
	if t := topics[c.Topic]; t.ok() {
		found = append(found, checkRetention(c, t)...)
		if len(t.partitions) == 1 {
			found = append(found, Finding{"one-partition", Info, "topic " + c.Topic + " has one partition: only one member of the group can work", []string{"partitions: 1"},
				"more members share the load once there are more partitions; add them while nothing is written, for keys change partitions"})
		}
	}
	return found
}

func topicError(c *Config, r role, err error) Finding {
	switch {
	case errors.Is(err, kafka.UnknownTopicOrPartition):
		return Finding{"topic-missing", Fault, "topic " + r.topic + " does not exist", []string{r.setting + " names it; the cluster does not know it"},
			fmt.Sprintf("create it (kafka-topics.sh --bootstrap-server %s --create --topic %s --partitions 6), or name another by %s", c.Cluster.Addrs()[0], r.topic, r.setting)}
	case errors.Is(err, kafka.TopicAuthorizationFailed):
		return Finding{"topic-denied", Fault, "topic " + r.topic + " may not be seen", []string{r.setting + " names it; the cluster says: " + err.Error()},
			fmt.Sprintf("grant this client DESCRIBE and %s on topic %s, or name another by %s", r.operation(), r.topic, r.setting)}
	}
	return Finding{"topic-unknown", Fault, "topic " + r.topic + " cannot be described", []string{r.setting + " names it; the cluster says: " + err.Error()}, "look in the brokers' logs"}
}

// operation returns the operation that serveflow run needs on the topic.
func (r role) operation() string {
	if r.write {
		return "WRITE"
	}
	return "READ"
}

// The bits of Kafka's AclOperation.
const (
	mayRead  = 1 << 3
	mayWrite = 1 << 4
)

func checkAccess(c *Config, r role, t *topic) []Finding {
	need, id := int32(mayRead), "no-read"
	if r.write {
		need, id = mayWrite, "no-write"
	}
	if t.operations == unknownOperations || t.operations&need != 0 {
		return nil
	}
	return []Finding{{id, Fault, fmt.Sprintf("this client has no %s on topic %s", r.operation(), r.topic),
		[]string{"allowed operations, as the broker lists them: " + operations(t.operations)},
		"grant it: " + allow(c, r.operation(), "--topic "+r.topic)}}
}

// allow returns the command that grants an operation to this client.
func allow(c *Config, operation, resource string) string {
	return fmt.Sprintf("kafka-acls.sh --bootstrap-server %s --add --allow-principal %q --operation %s %s", c.Cluster.Addrs()[0], c.Cluster.Principal(), operation, resource)
}

// operations returns the names of the operations in a bit field.
func operations(bits int32) string {
	names := []string{3: "READ", 4: "WRITE", 5: "CREATE", 6: "DELETE", 7: "ALTER", 8: "DESCRIBE", 9: "CLUSTER_ACTION", 10: "DESCRIBE_CONFIGS", 11: "ALTER_CONFIGS", 12: "IDEMPOTENT_WRITE"}
	var may []string
	for bit, name := range names {
		if name != "" && bits&(1<<bit) != 0 {
			may = append(may, name)
		}
	}
	if may == nil {
		return "none"
	}
	return strings.Join(may, ", ")
}

func checkReplicas(r role, t *topic) (found []Finding) {
	var offline, behind, refused []string
	least := number(t.settings, "min.insync.replicas", 1)
	for _, p := range t.partitions {
		switch {
		case p.leader < 0:
			offline = append(offline, strconv.Itoa(p.id))
		case r.write && int64(p.inSync) < least:
			refused = append(refused, fmt.Sprintf("%d (%d in sync, %d wanted)", p.id, p.inSync, least))
		case p.inSync < p.replicas:
			behind = append(behind, fmt.Sprintf("%d (%d of %d)", p.id, p.inSync, p.replicas))
		}
	}
	if offline != nil {
		found = append(found, Finding{"topic-offline", Fault, fmt.Sprintf("%s of topic %s without a leader: nothing can be read or written there", plural(len(offline), "partition"), r.topic),
			[]string{"partitions: " + joinSome(offline, 10)}, "start the brokers that hold them (kafka-topics.sh --describe --topic " + r.topic + " names them)"})
	}
	if refused != nil {
		found = append(found, Finding{"below-min-isr", Fault, "topic " + r.topic + " refuses writes: fewer replicas are in sync than min.insync.replicas asks for",
			[]string{"partitions: " + joinSome(refused, 10)}, "start the brokers that are away, or set min.insync.replicas to what there is; labels wait meanwhile, none is lost"})
	}
	if behind != nil {
		found = append(found, Finding{"under-replicated", Warn, "topic " + r.topic + " is under-replicated: the loss of one more broker may stop it",
			[]string{"partitions with replicas in sync: " + joinSome(behind, 10)}, "start the brokers that are away, or look why they lag"})
	}
	return found
}
