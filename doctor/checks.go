package doctor

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"
)

// quietTime is the age of the newest record from which on it is a finding.
const quietTime = 10 * time.Minute

// checkSample checks the records of the input topic. Where one fault causes another, it
// reports only the first.
func checkSample(c *Config, s *sample) []Finding {
	if !s.topic.ok() {
		return nil
	}
	found := checkReading(c, s)
	if len(s.records) == 0 {
		if len(s.faults) == 0 {
			found = append(found, emptyTopic(c, s))
		}
		return found
	}
	found = append(found, checkRetentionBytes(c, s)...)
	found = append(found, checkBadRecords(s)...)
	found = append(found, checkOtherLogs(c, s)...)
	records := slices.DeleteFunc(slices.Clone(s.records), func(r inputRecord) bool { return !r.ofFlow() })
	if len(records) == 0 {
		return found
	}
	found = append(found, checkAge(records, s.now)...)
	found = append(found, checkKeys(records, s.partitions)...)
	found = append(found, checkFields(c, records)...)
	found = append(found, checkClocks(c, records, measureClocks(records))...)
	flows := groupByFlow(records)
	if whole := slices.DeleteFunc(slices.Clone(flows), (*flow).split); 2*len(whole) > len(flows) {
		found = append(found, checkOrder(c, whole)...)
		found = append(found, checkGaps(whole)...)
		found = append(found, checkEnds(records, whole)...)
	}
	return append(found, checkDepth(c, records)...)
}

func checkReading(c *Config, s *sample) []Finding {
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
		reasons[i] = "partitions " + joinSome(places[why], 10) + ": " + why
	}
	return []Finding{{"unreadable", Fault, fmt.Sprintf("%s of %d of topic %s cannot be read", plural(len(s.faults), "partition"), s.partitions, c.Topic), firstLines(reasons), remedy}}
}

func emptyTopic(c *Config, s *sample) Finding {
	evidence := []string{fmt.Sprintf("%s, no record in any", plural(s.partitions, "partition"))}
	for _, p := range s.topic.partitions {
		if p.end > 0 {
			evidence = append(evidence, "there were records once: Kafka has deleted them by its retention")
			break
		}
	}
	return Finding{"nothing-arrives", Warn, "topic " + c.Topic + " is empty: nothing arrives", evidence,
		"look whether Zeek loads the serveflow package (its serveflow.log grows), whether serveflow ship or the kafka filter runs, and whether both name this topic and cluster"}
}

// checkAge checks whether records still arrive.
func checkAge(records []inputRecord, now time.Time) []Finding {
	newest := slices.MaxFunc(records, func(a, b inputRecord) int { return a.raw.time.Compare(b.raw.time) })
	age := now.Sub(newest.raw.time)
	if age < quietTime {
		return nil
	}
	return []Finding{{"nothing-new", Warn, "nothing has come for " + rounded(age), []string{"the newest record is of " + newest.raw.time.UTC().Format(time.RFC3339) + ", " + newest.at()},
		"look whether Zeek still runs, whether its interface sees packets, and whether serveflow ship runs"}}
}

// rounded formats a duration with few digits.
func rounded(d time.Duration) string {
	switch abs := d.Abs(); {
	case abs >= 48*time.Hour:
		return fmt.Sprintf("%.0f days", d.Hours()/24)
	case abs >= time.Minute:
		return d.Round(time.Second).String()
	}
	return d.Round(time.Millisecond).String()
}

// checkRetentionBytes checks whether Kafka, by retention.bytes, deletes records that flows
// still need, at the sample's rate.
func checkRetentionBytes(c *Config, s *sample) (found []Finding) {
	limit := number(s.topic.settings, "retention.bytes", -1)
	if limit < 0 {
		return nil
	}
	least, where := time.Duration(-1), 0
	for of := range byPartition(s.records) {
		first, last := of[0], of[len(of)-1]
		span := last.raw.time.Sub(first.raw.time)
		if len(of) < 100 || span < time.Second {
			continue
		}
		size := 0
		for _, r := range of {
			size += len(r.raw.key) + len(r.raw.value)
		}
		keeps := time.Duration(float64(span) * float64(limit) / float64(size))
		if least < 0 || keeps < least {
			least, where = keeps, first.raw.partition
		}
	}
	if least < 0 || least >= headroom {
		return nil
	}
	f := Finding{"retention-bytes", Warn, "topic " + s.topic.name + " keeps little by its size", []string{fmt.Sprintf(
		"retention.bytes is %s a partition: at the sample's rate partition %d keeps %s, not counting compression; a flow's records are needed for %v", withCommas(limit), where, rounded(least), c.InFlight)},
		"raise retention.bytes of topic " + s.topic.name + ", or set it to -1 and let retention.ms decide"}
	if least < c.InFlight {
		f.Severity = Fault
	}
	return []Finding{f}
}

// byPartition yields the records of each partition, in order.
func byPartition(all []inputRecord) iter.Seq[[]inputRecord] {
	return func(yield func([]inputRecord) bool) {
		for len(all) > 0 {
			n := slices.IndexFunc(all, func(r inputRecord) bool { return r.raw.partition != all[0].raw.partition })
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
