package doctor

import (
	"bufio"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/kafkatest"
	"github.com/serveflow/serveflow/internal/lab"
	"github.com/serveflow/serveflow/internal/needs"
)

func TestHealthyFake(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(partitionCount, input, labels, deadLetters))
	write(t, addr, input, kafka.Murmur2Balancer{}, traffic(60)...)
	r := Look(t.Context(), configFor(addr))
	if !r.Well() || r.Records != 60*perFlow {
		t.Errorf("%d records looked at, wrong %v:\n%s", r.Records, problems(r), textOf(t, r))
	}
	ids := []string{}
	for _, f := range r.Findings {
		ids = append(ids, f.ID)
	}
	if want := []string{"no-offset", "no-members"}; !slices.Equal(ids, want) {
		t.Errorf("findings %v, want %v", ids, want)
	}
}

// A look sends only requests that change nothing: it joins no group, looks up no
// coordinator (that creates a topic), commits nothing and writes nothing.
func TestLookChangesNothing(t *testing.T) {
	addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(partitionCount, input, labels, deadLetters))
	write(t, addr, input, kafka.Murmur2Balancer{}, traffic(60)...)
	var mu sync.Mutex
	asked := make(map[string]bool)
	cluster.Control(func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		asked[kmsg.NameForKey(req.Key())] = true
		return nil, nil, false
	})
	Look(t.Context(), configFor(addr))
	mu.Lock()
	defer mu.Unlock()
	got := slices.Sorted(maps.Keys(asked))
	if want := []string{"ApiVersions", "DescribeConfigs", "DescribeGroups", "Fetch", "ListOffsets", "Metadata", "OffsetFetch"}; !slices.Equal(got, want) {
		t.Errorf("asked %v, want %v", got, want)
	}
}

// Real traffic gives no problem where it is keyed as ship keys it. Without keys, on any
// partition, it does.
func TestRealTraffic(t *testing.T) {
	file := needs.SharedData(t, "zeek/service-test.flowpkt.log.zst")
	messages := realRecords(t, file, 30_000)
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(6, input, labels, deadLetters))
	write(t, addr, input, kafka.Murmur2Balancer{}, messages...)
	if r := Look(t.Context(), configFor(addr)); !r.Well() || r.Records < 19_000 {
		t.Errorf("%d records, found %v:\n%s", r.Records, problems(r), textOf(t, r))
	}
	for i := range messages {
		messages[i].Key = nil
	}
	addr, _ = kafkatest.Fake(t, kfake.SeedTopics(6, input, labels, deadLetters))
	write(t, addr, input, &kafka.RoundRobin{}, messages...)
	if r := Look(t.Context(), configFor(addr)); !slices.Equal(problems(r), []string{"no-key", "uid-split"}) {
		t.Errorf("found %v:\n%s", problems(r), textOf(t, r))
	}
}

// realRecords reads the first records of a file that Zeek wrote.
func realRecords(t *testing.T, file string, limit int) (messages []kafka.Message) {
	t.Helper()
	var d zeek.Decoder
	var rec zeek.Record
	for lines := bufio.NewScanner(lab.Unpack(t, file)); lines.Scan() && len(messages) < limit; {
		if err := d.Decode(lines.Bytes(), &rec); err != nil {
			t.Fatal(err)
		}
		messages = append(messages, kafka.Message{Key: slices.Clone(rec.UID), Value: slices.Clone(lines.Bytes())})
	}
	return messages
}

// A look works with an older broker, which supports fewer requests and tells less.
func TestOldBroker(t *testing.T) {
	addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(partitionCount, input, labels, deadLetters))
	write(t, addr, input, kafka.Murmur2Balancer{}, traffic(60)...)
	cluster.ControlKey(int16(kmsg.ApiVersions), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.ApiVersionsResponse)
		if req.GetVersion() > 2 {
			resp.ErrorCode = unsupportedVersion
			resp.SetVersion(0)
			return resp, nil, true
		}
		for key, newest := range map[kmsg.Key]int16{kmsg.ApiVersions: 2, kmsg.Produce: 7, kmsg.Fetch: 10, kmsg.ListOffsets: 4, kmsg.Metadata: 7,
			kmsg.OffsetFetch: 5, kmsg.DescribeGroups: 2, kmsg.DescribeConfigs: 2} {
			resp.ApiKeys = append(resp.ApiKeys, kmsg.ApiVersionsResponseApiKey{ApiKey: int16(key), MaxVersion: newest})
		}
		return resp, nil, true
	})
	r := Look(t.Context(), configFor(addr))
	if !r.Well() || r.Records != 60*perFlow || r.Brokers[0].Release != "2.1 or newer" {
		t.Errorf("%d records of %+v, wrong %v:\n%s", r.Records, r.Brokers, problems(r), textOf(t, r))
	}
}
