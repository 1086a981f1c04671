package doctor

import (
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// newOddBroker starts a real broker with ACLs and a listener of each kind; clients cannot
// use some of them.
func newOddBroker(t *testing.T) *kafkatest.Secured {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := free.Addr().String()
	free.Close()
	return kafkatest.StartSecured(t, kafkatest.Options{
		Listeners: []kafkatest.Listener{
			{Name: "ASTRAY", Protocol: "PLAINTEXT", Advertised: "kafka.invalid:9092"},
			{Name: "NOBODY", Protocol: "PLAINTEXT", Advertised: nobody},
		},
		Properties: `
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=true
`,
	})
}

// createTopics creates the three topics on a shared broker, with names that begin with
// name, and returns a config for them.
func createTopics(t *testing.T, addr, name string, settings map[string]string) *Config {
	t.Helper()
	c := configFor(addr)
	c.Topic, c.Labels[0].Topic, c.DeadLetterTopic, c.Group = name, name+".labels", name+".dlq", name
	kafkatest.CreateTopic(t, addr, c.Topic, partitionCount, settings)
	kafkatest.CreateTopic(t, addr, c.Labels[0].Topic, partitionCount, nil)
	kafkatest.CreateTopic(t, addr, c.DeadLetterTopic, 1, nil)
	write(t, addr, c.Topic, kafka.Murmur2Balancer{}, traffic(60)...)
	return c
}

// newClient returns a client whose connections end with the test.
func newClient(t *testing.T, addr string) *kafka.Client {
	transport := &kafka.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &kafka.Client{Addr: kafka.TCP(addr), Timeout: 30 * time.Second, Transport: transport}
}

// deny adds an ACL that denies an operation to this client.
func deny(t *testing.T, addr string, kind kafka.ResourceType, name string, op kafka.ACLOperationType) {
	t.Helper()
	client := newClient(t, addr)
	resp, err := client.CreateACLs(t.Context(), &kafka.CreateACLsRequest{ACLs: []kafka.ACLEntry{{
		ResourceType: kind, ResourceName: name, ResourcePatternType: kafka.PatternTypeLiteral,
		Principal: "User:ANONYMOUS", Host: "*", Operation: op, PermissionType: kafka.ACLPermissionTypeDeny,
	}, {
		ResourceType: kind, ResourceName: name, ResourcePatternType: kafka.PatternTypeLiteral,
		Principal: "User:*", Host: "*", Operation: kafka.ACLOperationTypeAll, PermissionType: kafka.ACLPermissionTypeAllow,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range resp.Errors {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// commit writes an offset for a group that has no members. The first commit makes Kafka
// create the topic of committed offsets, so it is retried.
func commit(t *testing.T, c *Config, addr string, partition int, offset int64) {
	t.Helper()
	client := newClient(t, addr)
	var last error
	await.Until(t, "a committed offset", func() bool {
		resp, err := client.OffsetCommit(t.Context(), &kafka.OffsetCommitRequest{GroupID: c.Group, GenerationID: -1,
			Topics: map[string][]kafka.OffsetCommit{c.Topic: {{Partition: partition, Offset: offset}}}})
		if err == nil {
			err = resp.Topics[c.Topic][0].Error
		}
		last = err
		return err == nil
	}, func() any { return last })
}

// One real broker serves every case, because its start takes seconds.
func TestRealKafka(t *testing.T) {
	b := newOddBroker(t)
	t.Run("healthy", func(t *testing.T) {
		r := Look(t.Context(), createTopics(t, b.Addr, "healthy", nil))
		if !r.Well() || r.Records != 60*perFlow || r.Brokers[0].Release != "4.3" {
			t.Errorf("%d records of %+v, wrong %v:\n%s", r.Records, r.Brokers, problems(r), textOf(t, r))
		}
		if names := topicNames(t, b.Addr); strings.Contains(names, "__consumer_offsets") {
			t.Errorf("looking has created a topic: %s", names)
		}
	})
	for name, want := range map[string]struct{ id, says string }{
		"TLS": {"broker-tls", "this listener speaks TLS"}, "MUTUAL": {"broker-mutual-tls", "mutual TLS"},
		"LOGIN": {"broker-sasl", "mechanisms: "}, "SECRETLOGIN": {"broker-tls-sasl", "mechanisms: "},
		"CONTROLLER": {"broker-controller", "serves brokers alone"},
		"ASTRAY":     {"advertised-unresolved", "asked at " + b.Addrs["ASTRAY"] + ", the cluster advertises broker 1 as kafka.invalid:9092"},
		"NOBODY":     {"advertised-refused", "advertises broker 1 as 127.0.0.1:"},
	} {
		t.Run(name, func(t *testing.T) {
			c := configFor(b.Addrs[name])
			r := Look(t.Context(), c)
			wantFinding(t, r, want.id, Fault, want.says)
			if r.Looked != strings.HasPrefix(want.id, "advertised") {
				t.Errorf("looked: %v", r.Looked)
			}
		})
	}
	t.Run("secured", func(t *testing.T) { testSecured(t, b) })
	t.Run("settings", func(t *testing.T) { testSettings(t, b.Addr) })
	t.Run("ACLs", func(t *testing.T) { testACLs(t, b.Addr) })
	t.Run("group", func(t *testing.T) { testGroup(t, b.Addr) })
}

// testSecured looks at each listener with the right settings and with wrong ones.
func testSecured(t *testing.T, b *kafkatest.Secured) {
	c := createTopics(t, b.Addr, "secured", nil)
	file := func(name string) string { return filepath.Join(b.Dir, name) }
	kafkatest.WriteFile(t, file("other.pem"), kafkatest.NewAuthority(t, "other").PEM)
	overTLS := brokers.Security{Protocol: "SSL", CAFile: file("ca.pem")}
	mutual := brokers.Security{Protocol: "SSL", CAFile: file("ca.pem"), CertFile: file("client.pem"), KeyFile: file("client.key")}
	login := func(protocol, mechanism, password string) brokers.Security {
		s := brokers.Security{Protocol: protocol, Mechanism: mechanism, Username: kafkatest.User, Password: brokers.NewSecret(password), PasswordInClear: true}
		if protocol == "SASL_SSL" {
			s.CAFile = file("ca.pem")
		}
		return s
	}
	for _, p := range []struct {
		listener string
		security brokers.Security
		id, says string // empty: all is well
	}{
		{"TLS", overTLS, "", ""},
		{"MUTUAL", mutual, "", ""},
		{"LOGIN", login("SASL_PLAINTEXT", "PLAIN", kafkatest.Password), "", ""},
		{"SECRETLOGIN", login("SASL_SSL", "SCRAM-SHA-512", kafkatest.Password), "", ""},
		{"TLS", brokers.Security{Protocol: "SSL", CAFile: file("other.pem")}, "broker-untrusted", "SERVEFLOW_TLS_CA_FILE"},
		{"MUTUAL", overTLS, "broker-cert-refused", "SERVEFLOW_TLS_CERT_FILE"},
		{"SECRETLOGIN", overTLS, "broker-tls-sasl", "SERVEFLOW_SECURITY_PROTOCOL=SASL_SSL"},
		{"SECRETLOGIN", login("SASL_SSL", "SCRAM-SHA-256", "hush"), "broker-login-refused", "SERVEFLOW_SASL_PASSWORD_FILE"},
		{"LOGIN", overTLS, "broker-no-tls", "SERVEFLOW_SECURITY_PROTOCOL"},
		{"TLS", login("SASL_SSL", "PLAIN", kafkatest.Password), "broker-no-login", "this listener wants no login"},
		{"BROKER", overTLS, "broker-no-tls", "SERVEFLOW_SECURITY_PROTOCOL"},
		{"BROKER", login("SASL_PLAINTEXT", "PLAIN", kafkatest.Password), "broker-no-login", "this listener wants no login"},
	} {
		addr := b.Addr
		if p.listener != "BROKER" {
			addr = b.Addrs[p.listener]
		}
		cluster, err := brokers.New("doctor-test", []string{addr}, p.security, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		c.Cluster = cluster
		r := Look(t.Context(), c)
		switch {
		case p.id != "":
			wantFinding(t, r, p.id, Fault, p.says, addr)
			if r.Looked || len(problems(r)) != 1 {
				t.Errorf("%s: looked %v, found %v", p.listener, r.Looked, problems(r))
			}
		case !r.Well() || r.Records != 60*perFlow:
			t.Errorf("%s: %d records, found %v:\n%s", p.listener, r.Records, problems(r), textOf(t, r))
		}
		if strings.Contains(textOf(t, r), "hush") || strings.Contains(textOf(t, r), kafkatest.Password) {
			t.Error("a secret is told")
		}
	}
}

func topicNames(t *testing.T, addr string) string {
	t.Helper()
	client := newClient(t, addr)
	meta, err := client.Metadata(t.Context(), &kafka.MetadataRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, topic := range meta.Topics {
		names = append(names, topic.Name)
	}
	return strings.Join(names, " ")
}

func testSettings(t *testing.T, addr string) {
	for _, p := range []struct {
		name     string
		settings map[string]string
		id       string
		severity Severity
		says     string
	}{
		{"forgets-at-once", map[string]string{"retention.ms": "30000"}, "retention-short", Fault, "retention.ms is 30000 (30s); a flow's records are needed for 1m11s"},
		{"forgets-soon", map[string]string{"retention.ms": "600000"}, "retention-short", Warn, "600000"},
		{"forgets-by-size", map[string]string{"retention.bytes": "100000"}, "retention-bytes", Warn, "retention.bytes is 100,000 a partition"},
		{"compacted", map[string]string{"cleanup.policy": "compact"}, "compacted", Fault, "cleanup.policy is compact"},
	} {
		t.Run(p.name, func(t *testing.T) {
			r := Look(t.Context(), createTopics(t, addr, p.name, p.settings))
			wantFinding(t, r, p.id, p.severity, p.says)
			if ids := problems(r); len(ids) != 1 {
				t.Errorf("found %v", ids)
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		c := createTopics(t, addr, "half-there", nil)
		c.Labels[0].Topic = "nowhere"
		wantFinding(t, Look(t.Context(), c), "topic-missing", Fault, "SERVEFLOW_LABEL_TOPIC names it", "--create --topic nowhere")
		c.Topic = "nowhere-either"
		r := Look(t.Context(), c)
		if got := strings.Join(problems(r), " "); got != "topic-missing topic-missing" {
			t.Errorf("found %s", got)
		}
	})
	t.Run("small letters", func(t *testing.T) {
		c := createTopics(t, addr, "letters", nil)
		c.DeadLetterTopic = "small.dlq"
		kafkatest.CreateTopic(t, addr, c.DeadLetterTopic, 1, map[string]string{"max.message.bytes": "1000"})
		write(t, addr, c.DeadLetterTopic, &kafka.RoundRobin{}, kafka.Message{Value: []byte("{"), Headers: []kafka.Header{
			{Key: "reason", Value: []byte("syntax")}, {Key: "error", Value: []byte("zeek record: syntax")}, {Key: "topic", Value: []byte(c.Topic)},
			{Key: "partition", Value: []byte("2")}, {Key: "offset", Value: []byte("77")}}})
		r := Look(t.Context(), c)
		wantFinding(t, r, "message-size", Warn, "max.message.bytes is 1,000, a write may need 266,240")
		wantFinding(t, r, "dead-letters", Warn, "dead letters held: 1", `reason "syntax": 1, as "letters", partition 2, offset 77`)
	})
	t.Run("too few replicas", func(t *testing.T) {
		c := createTopics(t, addr, "replicas", nil)
		c.Labels[0].Topic = "lonely.labels"
		kafkatest.CreateTopic(t, addr, c.Labels[0].Topic, 1, map[string]string{"min.insync.replicas": "2"})
		wantFinding(t, Look(t.Context(), c), "below-min-isr", Fault, "0 (1 in sync, 2 wanted)")
	})
	t.Run("labels of another bundle", func(t *testing.T) {
		c := createTopics(t, addr, "labelled", nil)
		write(t, addr, c.Labels[0].Topic, kafka.Murmur2Balancer{}, kafka.Message{Value: fmt.Appendf(nil, `{"bundle":"service@0","bundle_digest":"%064d"}`, 1)})
		r := Look(t.Context(), c)
		wantFinding(t, r, "labels-of-another-bundle", Info, `"service@0", digest 000000000000`)
		if !r.Well() {
			t.Errorf("found %v", problems(r))
		}
	})
}

func testACLs(t *testing.T, addr string) {
	t.Run("no write", func(t *testing.T) {
		c := createTopics(t, addr, "unwritable", nil)
		deny(t, addr, kafka.ResourceTypeTopic, c.Labels[0].Topic, kafka.ACLOperationTypeWrite)
		r := Look(t.Context(), c)
		wantFinding(t, r, "no-write", Fault, "no WRITE on topic unwritable.labels", "READ", "kafka-acls.sh")
		if ids := problems(r); len(ids) != 1 {
			t.Errorf("found %v", ids)
		}
	})
	t.Run("no read", func(t *testing.T) {
		c := createTopics(t, addr, "unreadable", nil)
		deny(t, addr, kafka.ResourceTypeTopic, c.Topic, kafka.ACLOperationTypeRead)
		r := Look(t.Context(), c)
		wantFinding(t, r, "no-read", Fault, "no READ on topic unreadable")
		wantFinding(t, r, "unreadable", Fault, "3 partitions of 3", "grant READ: kafka-acls.sh")
	})
	t.Run("unseen", func(t *testing.T) {
		c := createTopics(t, addr, "unseen", nil)
		deny(t, addr, kafka.ResourceTypeTopic, c.Topic, kafka.ACLOperationTypeDescribe)
		wantFinding(t, Look(t.Context(), c), "topic-denied", Fault, "grant this client DESCRIBE and READ on topic unseen")
	})
	t.Run("settings unseen", func(t *testing.T) {
		c := createTopics(t, addr, "secretive", nil)
		deny(t, addr, kafka.ResourceTypeTopic, c.Topic, kafka.ACLOperationTypeDescribeConfigs)
		r := Look(t.Context(), c)
		wantFinding(t, r, "settings-hidden", Info, "DESCRIBE_CONFIGS")
		if !r.Well() {
			t.Errorf("found %v", problems(r))
		}
	})
	t.Run("no group", func(t *testing.T) {
		c := createTopics(t, addr, "ungrouped", nil)
		commit(t, c, addr, 0, 1) // so that the group has a coordinator
		deny(t, addr, kafka.ResourceTypeGroup, c.Group, kafka.ACLOperationTypeRead)
		wantFinding(t, Look(t.Context(), c), "group-denied", Fault, "--operation READ --group ungrouped")
		deny(t, addr, kafka.ResourceTypeGroup, c.Group, kafka.ACLOperationTypeDescribe)
		wantFinding(t, Look(t.Context(), c), "group-denied", Fault, "--group ungrouped")
	})
}

func testGroup(t *testing.T, addr string) {
	c := createTopics(t, addr, "lagging", nil)
	commit(t, c, addr, 0, 5)
	commit(t, c, addr, 1, 1_000_000)
	r := Look(t.Context(), c)
	wantFinding(t, r, "offset-beyond-end", Fault, "partition 1: committed 1000000, the log holds 0 to", "--reset-offsets")
	wantFinding(t, r, "no-offset", Info, "partitions: 2")
	deleteRecords(t, addr, c.Topic, 0, 20)
	wantFinding(t, Look(t.Context(), c), "offset-deleted", Fault, "partition 0: committed 5, the log holds 20 to", "SERVEFLOW_SKIP_TRUNCATED")
}
