package faults

import (
	"fmt"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// soak runs for an hour at 70% of the measured capacity, with producer and verifier on the same
// machine.
func soak(t *testing.T, r *row, broker string) {
	rate := 0.7 * capacity(t, broker)
	kept := []kafka.ConfigEntry{{ConfigName: "retention.ms", ConfigValue: "600000"}, {ConfigName: "segment.bytes", ConfigValue: "67108864"}}
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 12, topicConfigs: kept})
	members := h.start(2)
	h.awaitReady()
	h.send(traffic{flows: int(rate * time.Hour.Seconds()), rate: rate})
	// The memory of finished uids grows for SERVEFLOW_REMEMBER. It is flat from the second
	// quarter on.
	early, late := gauges{}, gauges{}
	for began := time.Now(); h.sending(); time.Sleep(10 * time.Second) {
		switch quarter := int(time.Since(began) / (15 * time.Minute)); quarter {
		case 1:
			early.sample(members)
		case 3:
			late.sample(members)
		}
	}
	h.settle(2 * time.Minute)
	r.note("%.0f flows/s; from the second to the last quarter of the hour: %s", rate, late.against(early))
	for name := range soakMetrics {
		if before, after := early.mean(name), late.mean(name); after > 1.1*before {
			t.Errorf("%s rose from %.0f to %.0f", name, before, after)
		}
	}
	r.check(t, h.finish(), limits{})
}

// capacity returns how many flows per second two members label while they have a backlog.
func capacity(t *testing.T, broker string) float64 {
	h := newHarness(t, harnessConfig{brokers: []string{broker}, partitions: 12})
	h.start(2)
	h.awaitReady()
	h.send(traffic{flows: 300_000, rate: 10_000})
	time.Sleep(10 * time.Second)
	began, before := time.Now(), h.givenLabels()
	time.Sleep(15 * time.Second)
	return float64(h.givenLabels()-before) / time.Since(began).Seconds()
}

// givenLabels returns how many final labels the running members have given.
func (h *harness) givenLabels() float64 {
	n := 0.
	for _, m := range h.running() {
		n += m.metric("serveflow_labels_total", `final="true"`)
	}
	return n
}

// soakMetrics are the metrics that must stay flat, by their name in the table.
var soakMetrics = map[string]string{"MiB": "process_resident_memory_bytes", "goroutines": "go_goroutines", "descriptors": "process_open_fds"}

// gauges holds samples of metrics, each summed over the members.
type gauges map[string][]float64

func (g gauges) sample(members []*member) {
	for name, metric := range soakMetrics {
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

// against formats the means before and now.
func (g gauges) against(before gauges) string {
	return fmt.Sprintf("%.0f -> %.0f MiB, %.0f -> %.0f goroutines, %.0f -> %.0f descriptors",
		before.mean("MiB"), g.mean("MiB"), before.mean("goroutines"), g.mean("goroutines"), before.mean("descriptors"), g.mean("descriptors"))
}
