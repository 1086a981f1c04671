package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

const labelTopic = "serveflow.labels.service"

// label is a label record without its wall-clock times.
type label map[string]any

func parseLabel(t *testing.T, text []byte) label {
	t.Helper()
	l := label{}
	if err := json.Unmarshal(text, &l); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	delete(l, "ts_label")
	delete(l, "compute_us")
	return l
}

// anew is the label without what differs when its flow is sent again.
func (l label) anew() label {
	l = maps.Clone(l)
	delete(l, "label_id")
	delete(l, "sensor")
	l["uid"] = l.flow()
	return l
}

// flow is the uid as it was first recorded.
func (l label) flow() string {
	uid, _, _ := strings.Cut(l["uid"].(string), "-")
	return uid
}

// replayed gives the labels of serveflow replay over the recorded traffic, by uid. The service
// check has the bundles.
func (p *project) replayed(args ...string) map[string]label {
	p.t.Helper()
	ctx := p.t.Context()
	out, err := p.command(ctx, append([]string{"run", "--rm", "--entrypoint", "serveflow", "check", "replay"}, append(args, "testdata/lab.jsonl.zst")...)...).Output()
	if err != nil {
		p.t.Fatal(err)
	}
	labels := map[string]label{}
	for line := range strings.Lines(string(out)) {
		l := parseLabel(p.t, []byte(line))
		labels[l["uid"].(string)] = l
	}
	if len(labels) == 0 {
		p.t.Fatal("replay gives no labels")
	}
	return labels
}

// kafkaAddr is where clients on this machine find Kafka.
func (p *project) kafkaAddr() string { return "127.0.0.1:" + p.env["KAFKA_PORT"] }

// written gives the label topic's labels, by label id: all that there are of each.
func (p *project) written() map[string][]label { return p.writtenTo(labelTopic) }

func (p *project) writtenTo(topic string) map[string][]label {
	p.t.Helper()
	labels := map[string][]label{}
	for _, m := range kafkatest.ReadAll(p.t, p.kafkaAddr(), topic) {
		l := parseLabel(p.t, m.Value)
		id := l["label_id"].(string)
		labels[id] = append(labels[id], l)
	}
	return labels
}

// sensors are the sensors of labels.
func sensors(labels map[string][]label) []string {
	names := map[string]bool{}
	for _, same := range labels {
		names[same[0]["sensor"].(string)] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// compare holds the labels of one sensor against those of replay. again says that they may
// have another sensor and so another id. It returns how many are there twice.
func compare(t *testing.T, sensor string, got map[string][]label, want map[string]label, again bool) (twice int) {
	t.Helper()
	equal := sameLabel
	if again {
		equal = func(a, b label) bool { return sameLabel(a.anew(), b.anew()) }
	}
	seen := map[string]bool{}
	for _, same := range got {
		if same[0]["sensor"] != sensor {
			continue
		}
		twice += len(same) - 1
		for _, l := range same {
			uid := l.flow()
			if !equal(l, want[uid]) {
				t.Errorf("%s: got %v\nreplay gives %v", uid, l, want[uid])
			}
			seen[uid] = true
		}
	}
	if len(seen) != len(want) {
		t.Errorf("sensor %q: %d of %d flows are labelled", sensor, len(seen), len(want))
	}
	return twice
}

// sameLabel compares all fields.
func sameLabel(a, b label) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

// count is how many label ids a sensor has.
func count(labels map[string][]label, sensor string) (n int) {
	for _, same := range labels {
		if same[0]["sensor"] == sensor {
			n++
		}
	}
	return n
}

// replay sends the recorded traffic and returns what send says.
func (p *project) replay(args ...string) string {
	p.t.Helper()
	return p.must(3*time.Minute, append([]string{"run", "--rm", "replay"}, args...)...)
}
