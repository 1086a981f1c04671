package doctor

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
)

// quiet is how old the newest record may be before it is worth a word.
const quiet = 10 * time.Minute

// judgeSample judges the records of the input topic. Where one fault explains
// another, only the first is told.
func judgeSample(c *Config, s *sample) []Finding {
	if !s.topic.ok() {
		return nil
	}
	found := judgeReading(c, s)
	if len(s.records) == 0 {
		if len(s.faults) == 0 {
			found = append(found, nothing(c, s))
		}
		return found
	}
	found = append(found, judgeSpace(c, s)...)
	found = append(found, judgeBad(s)...)
	found = append(found, judgeLogs(c, s)...)
	ours := slices.DeleteFunc(slices.Clone(s.records), func(r seen) bool { return !r.ours() })
	if len(ours) == 0 {
		return found
	}
	found = append(found, judgeAge(ours, s.now)...)
	found = append(found, judgeKeys(ours, s.partitions)...)
	found = append(found, judgeFields(c, ours)...)
	found = append(found, judgeClocks(c, ours, readClocks(ours))...)
	flows := rebuild(ours)
	if whole := slices.DeleteFunc(slices.Clone(flows), (*flow).split); 2*len(whole) > len(flows) {
		found = append(found, judgeOrder(c, whole)...)
		found = append(found, judgeGaps(whole)...)
		found = append(found, judgeEnds(ours, whole)...)
	}
	return append(found, judgeDepth(c, ours)...)
}

func judgeReading(c *Config, s *sample) []Finding {
	if s.faults == nil {
		return nil
	}
	remedy := "start the brokers that lead these partitions, or make their advertised addresses reachable from here"
	var reasons []string
	places := make(map[string][]string)
	for _, f := range s.faults {
		if errors.Is(f.err, kafka.TopicAuthorizationFailed) {
			remedy = "grant READ: " + allow(c, "READ", "--topic "+c.Topic)
		}
		why := f.err.Error()
		if places[why] == nil {
			reasons = append(reasons, why)
		}
		places[why] = append(places[why], strconv.Itoa(f.partition))
	}
	for i, why := range reasons {
		reasons[i] = "partitions " + listed(places[why], 10) + ": " + why
	}
	return []Finding{{"unreadable", Fault, fmt.Sprintf("%s of %d of topic %s cannot be read", many(len(s.faults), "partition"), s.partitions, c.Topic), head(reasons), remedy}}
}

func nothing(c *Config, s *sample) Finding {
	evidence := []string{fmt.Sprintf("%s, no record in any", many(s.partitions, "partition"))}
	for _, p := range s.topic.partitions {
		if p.end > 0 {
			evidence = append(evidence, "there were records once: Kafka has deleted them by its retention")
			break
		}
	}
	return Finding{"nothing-arrives", Warn, "topic " + c.Topic + " is empty: nothing arrives", evidence,
		"look whether Zeek loads the serveflow package (its serveflow.log grows), whether serveflow ship or the kafka filter runs, and whether both name this topic and cluster"}
}

// judgeAge says when records stopped coming.
func judgeAge(ours []seen, now time.Time) []Finding {
	newest := slices.MaxFunc(ours, func(a, b seen) int { return a.time.Compare(b.time) })
	age := now.Sub(newest.time)
	if age < quiet {
		return nil
	}
	return []Finding{{"nothing-new", Warn, "nothing has come for " + rounded(age), []string{"the newest record is of " + newest.time.UTC().Format(time.RFC3339) + ", " + newest.at()},
		"look whether Zeek still runs, whether its interface sees packets, and whether serveflow ship runs"}}
}

// rounded writes a duration with no more digits than it is worth.
func rounded(d time.Duration) string {
	switch abs := d.Abs(); {
	case abs >= 48*time.Hour:
		return fmt.Sprintf("%.0f days", d.Hours()/24)
	case abs >= time.Minute:
		return d.Round(time.Second).String()
	}
	return d.Round(time.Millisecond).String()
}

// judgeSpace says where retention by size forgets sooner than flows are done, at
// the rate of the sample.
func judgeSpace(c *Config, s *sample) (found []Finding) {
	limit := number(s.topic.settings, "retention.bytes", -1)
	if limit < 0 {
		return nil
	}
	least, where := time.Duration(-1), 0
	for of := range byPartition(s.records) {
		first, last := of[0], of[len(of)-1]
		span := last.time.Sub(first.time)
		if len(of) < 100 || span < time.Second {
			continue
		}
		size := 0
		for _, r := range of {
			size += len(r.key) + len(r.value)
		}
		keeps := time.Duration(float64(span) * float64(limit) / float64(size))
		if least < 0 || keeps < least {
			least, where = keeps, first.partition
		}
	}
	if least < 0 || least >= headroom {
		return nil
	}
	f := Finding{"retention-bytes", Warn, "topic " + s.topic.name + " keeps little by its size", []string{fmt.Sprintf(
		"retention.bytes is %s a partition: at the sample's rate partition %d keeps %s, not counting compression; a flow's records are needed for %v", grouped(limit), where, rounded(least), c.Pin)},
		"raise retention.bytes of topic " + s.topic.name + ", or set it to -1 and let retention.ms decide"}
	if least < c.Pin {
		f.Severity = Fault
	}
	return []Finding{f}
}

// byPartition gives the records of each partition, in order.
func byPartition(all []seen) func(yield func([]seen) bool) {
	return func(yield func([]seen) bool) {
		for len(all) > 0 {
			n := slices.IndexFunc(all, func(r seen) bool { return r.partition != all[0].partition })
			if n < 0 {
				n = len(all)
			}
			if !yield(all[:n]) {
				return
			}
			all = all[n:]
		}
	}
}
