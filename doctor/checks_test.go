package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	consumergroup "github.com/serveflow/serveflow/consumer/group"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// reportOf returns a report with these findings.
func reportOf(found []Finding) *Report {
	r := &Report{Looked: true, Findings: found}
	r.finish()
	return r
}

// The checks that need several brokers, or the loss of one, are tested on facts.
func TestReplicas(t *testing.T) {
	c := configFor("a:1")
	topics := map[string]*topic{}
	for _, r := range roles(c) {
		topics[r.topic] = &topic{name: r.topic, operations: unknownOperations, settings: map[string]string{"min.insync.replicas": "2"},
			partitions: []partition{{id: 0, leader: 1, replicas: 3, inSync: 3}, {id: 1, leader: 1, replicas: 3, inSync: 3}}}
	}
	if found := checkTopics(c, topics); len(found) != 0 {
		t.Errorf("a healthy cluster gives %v", found)
	}
	topics[input].partitions[1].inSync = 2
	wantFinding(t, reportOf(checkTopics(c, topics)), "under-replicated", Warn, "1 (2 of 3)", input)
	topics[labels].partitions[0].leader = -1
	wantFinding(t, reportOf(checkTopics(c, topics)), "topic-offline", Fault, "1 partition of topic "+labels, "partitions: 0")
	topics[deadLetters].partitions[0].inSync = 1
	wantFinding(t, reportOf(checkTopics(c, topics)), "below-min-isr", Fault, "0 (1 in sync, 2 wanted)")
	topics[input].partitions = topics[input].partitions[:1]
	wantFinding(t, reportOf(checkTopics(c, topics)), "one-partition", Info, input)
	topics[labels].settings["cleanup.policy"] = "compact,delete"
	topics[deadLetters].settings["cleanup.policy"] = "compact"
	wantFinding(t, reportOf(checkTopics(c, topics)), "labels-compacted", Info, "compact,delete")
	wantFinding(t, reportOf(checkTopics(c, topics)), "compacted", Fault, deadLetters)
	topics[input].err = kafka.InvalidTopic
	wantFinding(t, reportOf(checkTopics(c, topics)), "topic-unknown", Fault, input)
}

func TestGroupJudgements(t *testing.T) {
	c := configFor("a:1")
	in := &topic{name: input, partitions: []partition{{id: 0, first: 1000, end: 101_000}, {id: 1, first: 0, end: 50}, {id: 2, err: errors.New("away")}}}
	g := &group{found: true, state: "Stable", operations: unknownOperations, members: []string{"serveflow at 192.0.2.1"}, committed: map[int]int64{0: 100_999, 1: 50}}
	if found := checkGroup(c, in, g); len(found) != 0 {
		t.Errorf("a healthy group gives %v", found)
	}
	g.committed[0] = 2000
	r := reportOf(checkGroup(c, in, g))
	wantFinding(t, r, "near-deletion", Warn, "committed 2000, the log holds 1000 to 101000")
	wantFinding(t, r, "lag", Info, "99,000 records behind", "0: 99,000, 1: 0")
	g.members = append(g.members, "b", "c", "d")
	wantFinding(t, reportOf(checkGroup(c, in, g)), "idle-members", Info, "4 members for 3 partitions")
	g.operations = 1 << 8
	wantFinding(t, reportOf(checkGroup(c, in, g)), "group-denied", Fault, "allowed operations, as the broker lists them: DESCRIBE")
}

func TestReleases(t *testing.T) {
	two := []listener{{addr: "a:1", answer: isKafka, release: "4.1"}, {addr: "b:1", answer: isKafka, release: "4.1"}}
	if found := checkReleases(two); found != nil {
		t.Errorf("one release gives %v", found)
	}
	two[1].release = "3.9"
	wantFinding(t, reportOf(checkReleases(two)), "kafka-mixed", Info, "a:1: Kafka 4.1", "b:1: Kafka 3.9")
	two[0].release = "0.10 or newer"
	wantFinding(t, reportOf(checkReleases(two)), "kafka-old", Fault, "a:1: Kafka 0.10")
	for version, want := range map[int16]string{3: "0.10 or newer", 11: "2.3 or newer", 18: "4.1 or newer"} {
		if got := release(&kmsg.ApiVersionsResponse{ApiKeys: []kmsg.ApiVersionsResponseApiKey{{ApiKey: 1, MaxVersion: version}}}); got != want {
			t.Errorf("fetch %d: %q, want %q", version, got, want)
		}
	}
	if got := release(&kmsg.ApiVersionsResponse{}); got != "" {
		t.Errorf("nothing known, and yet %q", got)
	}
}

// One broker of two is down: a finding says so, and the rest is examined.
func TestHalfReachable(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(partitionCount, input, labels, deadLetters))
	write(t, addr, input, kafka.Murmur2Balancer{}, traffic(60)...)
	r := Look(t.Context(), configFor("127.0.0.1:1", addr))
	wantFinding(t, r, "broker-refused", Warn, "127.0.0.1:1")
	if !r.Looked || r.Records != 60*perFlow || len(problems(r)) != 1 {
		t.Errorf("%d records, found %v", r.Records, problems(r))
	}
	two := []listener{{addr: "a:9092", node: -1, configured: true, answer: isKafka}, {addr: "localhost:9092", node: 2, answer: isRefused, detail: "connection refused"}}
	wantFinding(t, reportOf(checkListeners(two)), "advertised-refused", Fault, "asked at a:9092", "broker 2 as localhost:9092", "localhost means the client's own machine")
}

// A leader that dies after the metadata was read affects only its own partitions.
func TestUnreadablePartition(t *testing.T) {
	addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(partitionCount, input, labels, deadLetters))
	write(t, addr, input, kafka.Murmur2Balancer{}, traffic(60)...)
	cluster.ControlKey(int16(kmsg.ListOffsets), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		list := req.(*kmsg.ListOffsetsRequest)
		if list.Topics[0].Partitions[0].Partition != 1 {
			return nil, nil, false
		}
		resp := list.ResponseKind().(*kmsg.ListOffsetsResponse)
		p := kmsg.NewListOffsetsResponseTopicPartition()
		p.Partition, p.ErrorCode = 1, int16(kafka.NotLeaderForPartition)
		resp.Topics = []kmsg.ListOffsetsResponseTopic{{Topic: list.Topics[0].Topic, Partitions: []kmsg.ListOffsetsResponseTopicPartition{p}}}
		return resp, nil, true
	})
	r := Look(t.Context(), configFor(addr))
	wantFinding(t, r, "unreadable", Fault, "1 partition of 3", "partitions 1: [6]")
	if r.Records == 0 || len(problems(r)) != 1 {
		t.Errorf("%d records, found %v", r.Records, problems(r))
	}
}

// The report of a look that is stopped says so.
func TestStopped(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(partitionCount, input, labels, deadLetters))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r := Look(ctx, configFor(addr)); r.Looked || !slices.Equal(problems(r), []string{"cut-short"}) {
		t.Errorf("stopped before it began: %+v", r)
	}
}

// Texts from records cannot put control characters into the report.
func TestForeignWords(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(partitionCount, input, labels, deadLetters))
	evil := "\n\x1b[31mFAULT"
	write(t, addr, input, kafka.Murmur2Balancer{},
		kafka.Message{Key: []byte(evil), Value: []byte(`{"ev":"pkt"}`)}, kafka.Message{Value: []byte(`{"_path":"\n\u001b[31mFAULT"}`)})
	write(t, addr, deadLetters, &kafka.RoundRobin{}, kafka.Message{Value: []byte("{"), Headers: []kafka.Header{{Key: "reason", Value: []byte(evil)}, {Key: "error", Value: []byte(evil)}}})
	write(t, addr, labels, &kafka.RoundRobin{}, kafka.Message{Value: []byte(`{"bundle":"\n\u001b[31mFAULT","bundle_digest":"\u001b[31mx"}`)})
	text := textOf(t, Look(t.Context(), configFor(addr)))
	if strings.Contains(text, evil) || strings.Contains(text, "\x1b") {
		t.Errorf("the report holds a record's control characters:\n%q", text)
	}
}

// TestGolden compares the text and the JSON of a report with golden files.
func TestGolden(t *testing.T) {
	r := &Report{Schema: schema, Looked: true, Topic: input, Records: 20_000, Partitions: 6,
		Brokers: []Broker{{"kafka1:9092", 1, isKafka, "4.1"}, {"kafka2:9092", 2, isKafka, "3.9"}, {"localhost:9092", 3, isRefused, ""}}}
	c := configFor("kafka1:9092")
	r.add(checkReleases([]listener{{addr: "kafka1:9092", answer: isKafka, release: "4.1"}, {addr: "kafka2:9092", answer: isKafka, release: "3.9"}})...)
	r.add(checkListeners([]listener{{addr: "kafka1:9092", node: 1, configured: true, answer: isKafka}, {addr: "localhost:9092", node: 3, answer: isRefused, detail: "connection refused"}})...)
	r.add(topicError(c, roles(c)[1], kafka.UnknownTopicOrPartition))
	r.add(checkRetention(c, &topic{name: input, settings: map[string]string{"retention.ms": "600000"}})...)
	var keyless []inputRecord
	for i, m := range traffic(20) {
		keyless = append(keyless, parse([]record{{partition: i % 3, offset: int64(i / 3), value: m.Value}}, false)...)
	}
	r.add(checkKeys(keyless, 3)...)
	r.finish()
	golden(t, "testdata/report.txt", textOf(t, r))
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/report.json", string(text)+"\n")
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs: look at the change, then run with -update\ngot:\n%s", file, got)
	}
}

// FuzzParse checks that no record makes a look panic or prints control characters.
func FuzzParse(f *testing.F) {
	for _, m := range traffic(1) {
		f.Add(m.Value, m.Key, int64(1))
	}
	f.Add([]byte(`{"_path":{}}`), []byte(nil), int64(-1))
	f.Add([]byte(`{"ev":"end","ts":0,"uid":"x","id.orig_h":"::","id.orig_p":0,"id.resp_h":"::","id.resp_p":0,"proto":"tcp","orig_pkts":"a"}`), []byte("k"), int64(1)<<62)
	c := configFor("a:1")
	f.Fuzz(func(t *testing.T, value, key []byte, us int64) {
		var records []record
		for i := range 4 {
			records = append(records, record{partition: i / 2, offset: int64(i), key: key, value: value, time: time.UnixMicro(us)})
		}
		s := &sample{records: parse(records, false), topic: &topic{name: input, partitions: []partition{{id: 0, end: 2}, {id: 1, end: 2}}}, partitions: 2, now: time.Now()}
		text := textOf(t, reportOf(checkSample(c, s)))
		if bytes.ContainsRune([]byte(text), '\x1b') {
			t.Errorf("control characters: %q", text)
		}
	})
}

// FuzzTags checks that a broken header of a response is refused.
func FuzzTags(f *testing.F) {
	f.Add([]byte{0, 7})
	f.Add([]byte{1, 0, 2, 'a', 'b', 7})
	f.Fuzz(func(t *testing.T, body []byte) {
		if rest, err := skipTags(body); err == nil && len(rest) >= len(body) {
			t.Errorf("%d bytes of %d are left", len(rest), len(body))
		}
	})
}

func TestTwoClusters(t *testing.T) {
	a, _ := kafkatest.Fake(t, kfake.SeedTopics(partitionCount, input, labels, deadLetters))
	b, _ := kafkatest.Fake(t, kfake.SeedTopics(partitionCount, input, labels, deadLetters), kfake.ClusterID("another"))
	write(t, a, input, kafka.Murmur2Balancer{}, traffic(60)...)
	r := Look(t.Context(), configFor(a, b))
	wantFinding(t, r, "two-clusters", Fault, b+`: cluster "another"`)
	if len(problems(r)) != 1 {
		t.Errorf("found %v", problems(r))
	}
}

// Members that serve something else than the settings, or do not say what, are found.
func TestGroupServesSomethingElse(t *testing.T) {
	c, g := &Config{Group: "g", Purpose: consumergroup.Purpose{Task: "service", Output: "labels", Bundle: "abc"}}, &group{found: true, operations: unknownOperations}
	member := func(userData string) kmsg.DescribeGroupsResponseGroupMember {
		metadata := kmsg.ConsumerMemberMetadata{UserData: []byte(userData)}
		return kmsg.DescribeGroupsResponseGroupMember{ClientID: "id", ClientHost: "/10.0.0.1", ProtocolMetadata: metadata.AppendTo(nil)}
	}
	says := func(task, output, bundle string) kmsg.DescribeGroupsResponseGroupMember {
		return member(`{"schema":"serveflow.member/1","purpose":{"task":"` + task + `","output":"` + output + `","bundle":"` + bundle + `"}}`)
	}
	g.addMember(c, says("service", "labels", "abc"))
	g.addMember(c, kmsg.DescribeGroupsResponseGroupMember{ClientID: "joining"})
	if g.others != nil || g.silent != nil || len(g.members) != 2 {
		t.Errorf("the same purpose: %+v", g)
	}
	for _, m := range []kmsg.DescribeGroupsResponseGroupMember{says("device", "labels", "abc"), says("service", "other", "abc"), says("service", "labels", "def")} {
		g.addMember(c, m)
	}
	g.addMember(c, member(""))
	in := &topic{name: "in"}
	r := reportOf(checkGroup(c, in, g))
	wantFinding(t, r, "group-other-task", Fault, "id at 10.0.0.1: task device, written to labels, bundle abc", "these settings: task service, written to labels, bundle abc")
	wantFinding(t, r, "group-foreign", Warn, "id at 10.0.0.1")
	if len(g.others) != 3 || len(g.silent) != 1 {
		t.Errorf("%q and %q", g.others, g.silent)
	}
}
