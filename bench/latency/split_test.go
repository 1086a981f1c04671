package latency

import (
	"fmt"
	"slices"
	"strings"
)

const (
	// lateness is SERVEFLOW_LATENESS as it ships, in milliseconds: no clock ends a silence before.
	lateness = 200
	// patience is the shortest of bundles/service, in milliseconds. A flow's own record that comes later
	// ends the silence at once.
	patience = 16
)

// way is how a flow came to its label, which says what its parts mean.
type way string

const (
	fast    way = "fast stage, at a packet"
	slow    way = "slow stage, at a packet"
	silence way = "after a silence, or the flow's end"
)

// parts are where a flow's time went, in milliseconds. All but read are the label record's own.
//
// A record's ts is when it was due to be written, so what lies between ts_packet and ts_label is
// that record's way into Kafka, out of it again, through the process and its queues. It cannot be
// told apart flow by flow. A fast stage is asked at once by whoever takes the record, so behind the
// fetch nothing queues there but earlier records of the same fetch. A slow stage has a queue: the
// process knows how long flows waited there, but only of all of them together. compute_us is a flow's share of
// its batch, so the rest of the batch's time is in inward, too.
type parts struct {
	packets float64 // from the first packet to the last one looked at
	inward  float64 // from there until the label was decided, less compute; after a silence, that too
	compute float64 // features and models
	outward float64 // from the decision until the label was read
	total   float64
}

func (l *label) parts() parts {
	p := parts{packets: 1e3 * (l.TSPacket - l.TSFirst), compute: l.ComputeUS / 1e3, outward: 1e3 * (l.read - l.TSLabel), total: 1e3 * (l.read - l.TSFirst)}
	p.inward = 1e3*(l.TSLabel-l.TSPacket) - p.compute
	return p
}

// way tells flows apart that waited behind their last packet. Some reasons hide that: what comes as
// late as a silence ends, or behind a record that ended one, then counts as such.
func (l *label) way(last string) way {
	hidden := l.Reason == "novel" || l.Reason == "family" || l.Reason == "no_more"
	ended := l.next > 0 && l.next < l.TSLabel && 1e3*(l.next-l.TSPacket) > patience
	switch {
	case l.Reason == "timeout" || l.Reason == "flow_end" || hidden && (ended || l.parts().inward >= lateness):
		return silence
	case l.Stage == last:
		return slow
	}
	return fast
}

// split is the table of parts: the last stage is the one with a queue.
func (o *outcome) split(last string) string {
	ways := map[way][]parts{}
	for i := range o.labels {
		l := &o.labels[i]
		ways[l.way(last)] = append(ways[l.way(last)], l.parts())
	}
	var b strings.Builder
	b.WriteString("| p50 / p90 / mean, ms | flows | wait for packets | Kafka in, and queue | compute | Kafka out | together |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, w := range []way{fast, slow, silence} {
		of := ways[w]
		if len(of) == 0 {
			continue
		}
		fmt.Fprintf(&b, "| %s | %.1f%% | %s | %s | %s | %s | %s |\n", w, 100*float64(len(of))/float64(len(o.labels)),
			cell(of, func(p parts) float64 { return p.packets }), cell(of, func(p parts) float64 { return p.inward }),
			cell(of, func(p parts) float64 { return p.compute }), cell(of, func(p parts) float64 { return p.outward }),
			cell(of, func(p parts) float64 { return p.total }))
	}
	if q := o.queue; q.flows > 0 {
		fmt.Fprintf(&b, "\nQueue: %d flows waited for the slow stage, %.2f ms in the mean, 90%% within %s, 99%% within %s.\n", q.flows, q.mean, q.within(.9), q.within(.99))
	}
	return b.String()
}

func cell(of []parts, part func(parts) float64) string {
	values, sum := make([]float64, 0, len(of)), 0.0
	for _, p := range of {
		values, sum = append(values, part(p)), sum+part(p)
	}
	slices.Sort(values)
	return fmt.Sprintf("%.2f / %.2f / %.2f", quantile(values, .5), quantile(values, .9), sum/float64(len(values)))
}
