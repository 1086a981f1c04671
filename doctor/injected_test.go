package doctor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// injected is one fault in the records of a topic that has no other fault.
type injected struct {
	name string
	// change returns the records to write in place of the healthy ones.
	change func(healthy []kafka.Message) []kafka.Message
	by     kafka.Balancer // nil: murmur2
	needs  func(*Config)

	id       string
	severity Severity
	says     []string // in the evidence or the remedy
	alone    bool     // no other fault or warning may be told
}

// changeWhere returns a function that applies change to the messages whose index which accepts.
func changeWhere(which func(i int) bool, change func(m *kafka.Message)) func([]kafka.Message) []kafka.Message {
	return func(all []kafka.Message) []kafka.Message {
		for i := range all {
			if which(i) {
				change(&all[i])
			}
		}
		return all
	}
}

func all(int) bool           { return true }
func packetsOnly(i int) bool { return i%perFlow != perFlow-1 }
func evenOnly(i int) bool    { return i%2 == 0 }
func endsOnly(i int) bool    { return !packetsOnly(i) }

func replaced(old, new string) func(m *kafka.Message) {
	return func(m *kafka.Message) { m.Value = bytes.Replace(m.Value, []byte(old), []byte(new), 1) }
}

// dropWhere returns a function that drops the messages whose index which accepts.
func dropWhere(which func(i int) bool) func([]kafka.Message) []kafka.Message {
	return func(all []kafka.Message) (kept []kafka.Message) {
		for i, m := range all {
			if !which(i) {
				kept = append(kept, m)
			}
		}
		return kept
	}
}

// set returns a function that changes one field of a record; a nil value removes it.
func set(name string, value any) func(m *kafka.Message) {
	return func(m *kafka.Message) {
		fields := make(map[string]any)
		d := json.NewDecoder(bytes.NewReader(m.Value))
		d.UseNumber()
		if d.Decode(&fields) != nil {
			return
		}
		if fields[name] = value; value == nil {
			delete(fields, name)
		}
		m.Value, _ = json.Marshal(fields)
	}
}

func shifted(by time.Duration) func(m *kafka.Message) {
	return func(m *kafka.Message) { m.Time = m.Time.Add(by) }
}

// keyFaults are faults of keys and partitioners.
func keyFaults() []injected {
	return []injected{
		{name: "no keys", change: changeWhere(all, func(m *kafka.Message) { m.Key = nil }), by: &kafka.RoundRobin{},
			id: "no-key", severity: Fault, says: []string{"100.0% (300 of 300 records)", "serveflow rekey"}},
		{name: "no keys on some", change: changeWhere(evenOnly, func(m *kafka.Message) { m.Key = nil }),
			id: "no-key", severity: Fault, says: []string{"50.0% (150 of 300 records)"}},
		{name: "split by round robin", change: changeWhere(all, func(m *kafka.Message) { m.Key = nil }), by: &kafka.RoundRobin{},
			id: "uid-split", severity: Fault, says: []string{"100.0% (60 of 60 flows)", "CTest000000abcdef lies on partitions 0, 1, 2"}},
		{name: "keyed by host", change: changeWhere(all, func(m *kafka.Message) { m.Key = []byte("192.0.2.1") }),
			id: "key-not-uid", severity: Warn, says: []string{`the key is "192.0.2.1", the uid CTest`}, alone: true},
		{name: "keyed by record", change: func(all []kafka.Message) []kafka.Message {
			for i := range all {
				all[i].Key = fmt.Append(nil, i)
			}
			return all
		}, id: "key-not-uid", severity: Fault, says: []string{"100.0%"}},
		{name: "librdkafka's default", by: kafka.CRC32Balancer{}, id: "partitioner-other", severity: Info,
			says: []string{"all of them match crc32", "partitioner=murmur2_random"}, alone: true},
		{name: "Sarama's hash", by: &kafka.Hash{}, id: "partitioner-other", severity: Info, says: []string{"all of them match fnv1a", "Filebeat"}, alone: true},
		{name: "two kinds of producer", by: balancer(func(m kafka.Message, n int) int {
			if m.Key[9]%2 == 0 { // the tens of the flow's number
				return partitionOf(kafka.CRC32Balancer{}, m.Key, n)
			}
			return partitionOf(kafka.Murmur2Balancer{}, m.Key, n)
		}), id: "partitioners-mixed", severity: Fault, says: []string{"those match crc32: two kinds of producer write here", "librdkafka"}, alone: true},
		{name: "the topic has grown", by: balancer(func(m kafka.Message, _ int) int { return partitionOf(kafka.Murmur2Balancer{}, m.Key, partitionCount-1) }),
			id: "partitioners-mixed", severity: Fault, says: []string{"murmur2 over 2 partitions"}, alone: true},
		{name: "any partition", by: balancer(func(m kafka.Message, n int) int { return int(m.Key[10]) % n }),
			id: "partitioners-mixed", severity: Fault, says: []string{"no partitioner that is known"}, alone: true},
	}
}

// orderFaults are records that are out of order, duplicated or missing.
func orderFaults() []injected {
	return []injected{
		{name: "out of order", change: func(all []kafka.Message) []kafka.Message {
			for i := 0; i < len(all); i += perFlow {
				all[i+1], all[i+3] = all[i+3], all[i+1]
			}
			return all
		}, id: "disorder", severity: Info, says: []string{"100.0% (60 of 60 flows)", "n=2 after n=4", "20ms behind"}, alone: true},
		{name: "too late", change: func(all []kafka.Message) []kafka.Message {
			first := all[0]
			return append(all[1:], first)
		}, id: "disorder", severity: Fault, says: []string{"CTest000000abcdef, n=1 after n=4", "raise SERVEFLOW_LATENESS"}, alone: true},
		{name: "sent twice", change: func(all []kafka.Message) []kafka.Message { return append(all, all[:20]...) },
			id: "duplicates", severity: Info, says: []string{"6.2% (16 of 256 packet records)"}, alone: true},
		{name: "packets lost", change: dropWhere(func(i int) bool { return i%(2*perFlow) == 2 }),
			id: "packets-missing", severity: Warn, says: []string{"50.0% (30 of 60 flows)", "flow CTest000000abcdef: 3 packet records of 4 there"}, alone: true},
		{name: "no ends", change: dropWhere(endsOnly), id: "ends-missing", severity: Warn, says: []string{"there is no end record at all", "of flows that are over"}, alone: true},
	}
}

// clockFaults are wrong timestamps.
func clockFaults() []injected {
	return []injected{
		{name: "one sensor ahead", change: func(all []kafka.Message) []kafka.Message {
			for i := range all {
				sensor := []string{"edge-1", "edge-2"}[i/perFlow%2]
				set("sensor", sensor)(&all[i])
				if sensor == "edge-2" {
					shifted(30 * time.Second)(&all[i])
				}
			}
			return all
		}, id: "sensor-skew", severity: Warn, says: []string{`sensor "edge-1"`, `"edge-2": Kafka's timestamp less the packet's is 30.0`, "NTP"}, alone: true},
		{name: "clock ahead", change: changeWhere(all, shifted(-time.Minute)), id: "clock-ahead", severity: Warn, says: []string{"-59.97", "NTP"}, alone: true},
		{name: "shipped late", change: changeWhere(all, shifted(2*time.Minute)), id: "records-late", severity: Warn, says: []string{"2m0s"}, alone: true},
		{name: "a replay", change: changeWhere(packetsOnly, set("ts", json.Number("1362692526.939084"))), id: "replayed", severity: Info, says: []string{"days"}, alone: true},
		{name: "wild times", change: changeWhere(func(i int) bool { return i == 100 }, set("ts", json.Number("3400000000.5"))),
			id: "wild-times", severity: Warn, says: []string{"0.4% (1 of 240 packet records)", "2077-09-27"}, alone: true},
		{name: "nothing for long", change: changeWhere(all, func(m *kafka.Message) {
			m.Time = m.Time.Add(-time.Hour)
		}), id: "nothing-new", severity: Warn, says: []string{"the newest record is of"}},
	}
}

// contentFaults are records with wrong content.
func contentFaults() []injected {
	return []injected{
		{name: "bad records", change: changeWhere(func(i int) bool { return i == 7 }, replaced(`"n":`, `"n":-`)),
			id: "bad-records", severity: Warn, says: []string{"0.3% (1 of 300 records)", "field_type", "n: not a whole number", "offset "}},
		{name: "garbage", change: changeWhere(evenOnly, func(m *kafka.Message) { m.Value = []byte("<html>") }),
			id: "bad-records", severity: Fault, says: []string{"syntax: 150 records"}},
		{name: "other logs", change: func(all []kafka.Message) []kafka.Message {
			return append(all, kafka.Message{Value: []byte(`{"_path":"dns","ts":1,"uid":"x"}`), Time: time.Now()}, kafka.Message{Value: []byte(`{"conn_state":"SF"}`), Time: time.Now()})
		}, id: "other-logs", severity: Info, says: []string{"0.7% (2 of 302 records)", `"dns": 1 record`, "conn: 1 record"}, alone: true},
		{name: "only other logs", change: func([]kafka.Message) []kafka.Message {
			return []kafka.Message{{Value: []byte(`{"ts":1,"uid":"x","conn_state":"SF"}`)}}
		}, id: "no-packet-records", severity: Fault, says: []string{"conn: 1 record", "load the serveflow package"}, alone: true},
		{name: "unknown field", change: changeWhere(packetsOnly, set("vlan", 7)), id: "unknown-fields", severity: Info, says: []string{`"vlan": 80.0% (240 of 300 records)`}, alone: true},
		{name: "no header bytes", change: changeWhere(packetsOnly, set("hdr", nil)), id: "header-missing", severity: Fault,
			says: []string{"100.0% (240 of 240 packet records)", "hdr_why not said: 240", "p1_ip_tos, p1_tcp_mss"}, alone: true},
		{name: "cut captures", change: changeWhere(func(i int) bool { return i%perFlow == 1 }, func(m *kafka.Message) {
			set("hdr", nil)(m)
			set("hdr_why", "snap")(m)
		}), id: "header-missing", severity: Warn, says: []string{"25.0% (60 of 240 packet records)", "hdr_why snap: 60"}, alone: true},
		{name: "hardly a field", change: changeWhere(packetsOnly, func(m *kafka.Message) {
			for _, name := range []string{"hdr", "ip_len", "plen"} {
				set(name, nil)(m)
			}
		}), id: "fields-missing", severity: Fault, says: []string{"ip_len: not in 100.0% (240 of 240 packet records)", "plen: not in"}},
		{name: "fields dropped half way", change: changeWhere(func(i int) bool { return packetsOnly(i) && i > 30*perFlow }, set("ttl", nil)),
			id: "schema-drift", severity: Warn, says: []string{"ttl: in 97% of the older half, in 4% of the newer"}, alone: true},
		{name: "a package that is not deep enough", needs: func(c *Config) { c.Needs.Depth = 10 },
			change: changeWhere(endsOnly, replaced(`"orig_pkts":2`, `"orig_pkts":20`)), id: "depth-short", severity: Warn,
			says: []string{"the largest n is 4", "had 22 packets, 4 of them were sent", "depth to 10 or more"}, alone: true},
		{name: "nothing", change: func([]kafka.Message) []kafka.Message { return nil }, id: "nothing-arrives", severity: Warn, says: []string{"no record in any", "serveflow ship"}, alone: true},
	}
}

// Each injected fault is found, with figures. The consequences of a fault are not reported
// as faults of their own.
func TestInjectedFaults(t *testing.T) {
	for _, p := range slices.Concat(keyFaults(), orderFaults(), clockFaults(), contentFaults()) {
		t.Run(p.name, func(t *testing.T) {
			addr, _ := kafkatest.Fake(t, kfake.SeedTopics(partitionCount, input, labels, deadLetters))
			messages := traffic(60)
			if p.change != nil {
				messages = p.change(messages)
			}
			if p.by == nil {
				p.by = kafka.Murmur2Balancer{}
			}
			if len(messages) > 0 {
				write(t, addr, input, p.by, messages...)
			}
			c := configFor(addr)
			if p.needs != nil {
				p.needs(c)
			}
			r := Look(t.Context(), c)
			wantFinding(t, r, p.id, p.severity, p.says...)
			if !p.alone {
				return
			}
			if others := slices.DeleteFunc(problems(r), func(id string) bool { return id == p.id }); len(others) > 0 {
				t.Errorf("also found %v:\n%s", others, textOf(t, r))
			}
		})
	}
}

// wantFinding fails the test where a finding is missing, has another severity or does not
// contain the texts in says.
func wantFinding(t testing.TB, r *Report, id string, severity Severity, says ...string) {
	t.Helper()
	f := mustFind(t, r, id)
	if f.Severity != severity {
		t.Errorf("%s is a %s, want a %s", id, f.Severity, severity)
	}
	text := f.Title + "\n" + strings.Join(f.Evidence, "\n") + "\n" + f.Remedy
	for _, words := range says {
		if !strings.Contains(text, words) {
			t.Errorf("%s does not say %q:\n%s", id, words, text)
		}
	}
	if f.Title == "" || f.Remedy == "" || len(f.Evidence) == 0 {
		t.Errorf("%s lacks a part: %+v", id, f)
	}
}
