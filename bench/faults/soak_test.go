package faults

import (
	"fmt"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// soak runs an hour at 70% of what the machine was measured to bear, with the
// producer and the verifier beside it.
func soak(t *testing.T, r *row, broker string) {
	if !long() {
		t.Skip("an hour: only in the long form")
	}
	rate := 0.7 * capacity(t, broker)
	kept := []kafka.ConfigEntry{{ConfigName: "retention.ms", ConfigValue: "600000"}, {ConfigName: "segment.bytes", ConfigValue: "67108864"}}
	s := newScene(t, setup{brokers: []string{broker}, partitions: 12, configs: kept})
	members := s.start(2)
	s.await()
	s.send(traffic{flows: int(rate * time.Hour.Seconds()), rate: rate})
	// The memory of finished uids grows for SERVEFLOW_REMEMBER; it is flat from the
	// second quarter on.
	early, late := gauges{}, gauges{}
	for began := time.Now(); s.sending(); time.Sleep(10 * time.Second) {
		switch quarter := int(time.Since(began) / (15 * time.Minute)); quarter {
		case 1:
			early.sample(members)
		case 3:
			late.sample(members)
		}
	}
	s.settle(2 * time.Minute)
	r.saw("%.0f flows/s; from the second to the last quarter of the hour: %s", rate, late.against(early))
	for name := range soaked {
		if before, after := early.mean(name), late.mean(name); after > 1.1*before {
			t.Errorf("%s rose from %.0f to %.0f", name, before, after)
		}
	}
	r.hold(t, s.finish(), limits{})
}

// capacity is how many flows a second two members label while they lag behind.
func capacity(t *testing.T, broker string) float64 {
	s := newScene(t, setup{brokers: []string{broker}, partitions: 12})
	s.start(2)
	s.await()
	s.send(traffic{flows: 300_000, rate: 10_000})
	time.Sleep(10 * time.Second)
	began, before := time.Now(), s.labelled()
	time.Sleep(15 * time.Second)
	return float64(s.labelled()-before) / time.Since(began).Seconds()
}

// labelled is how many labels the running members have given.
func (c *scene) labelled() float64 {
	n := 0.
	for _, m := range c.running() {
		n += m.metric("serveflow_labels_total", `final="true"`)
	}
	return n
}

// soaked are the metrics that must stay flat, by what the table calls them.
var soaked = map[string]string{"MiB": "process_resident_memory_bytes", "goroutines": "go_goroutines", "descriptors": "process_open_fds"}

// gauges are samples of metrics, summed over members.
type gauges map[string][]float64

func (g gauges) sample(members []*member) {
	for name, metric := range soaked {
		sum := 0.
		for _, m := range members {
			sum += m.metric(metric)
		}
		if name == "MiB" {
			sum /= 1 << 20
		}
		g[name] = append(g[name], sum)
	}
}

func (g gauges) mean(name string) float64 {
	sum := 0.
	for _, x := range g[name] {
		sum += x
	}
	return sum / float64(max(1, len(g[name])))
}

// against says how the means moved from those of before.
func (g gauges) against(before gauges) string {
	return fmt.Sprintf("%.0f -> %.0f MiB, %.0f -> %.0f goroutines, %.0f -> %.0f descriptors",
		before.mean("MiB"), g.mean("MiB"), before.mean("goroutines"), g.mean("goroutines"), before.mean("descriptors"), g.mean("descriptors"))
}
