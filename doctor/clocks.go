package doctor

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Bounds of what clocks may be off before it is a finding.
const (
	aheadWorth  = 2 * time.Second // of the brokers' time, into the future
	behindWorth = time.Minute     // records come that long after their packets
	replayed    = 24 * time.Hour  // older than that, it is a replay and no fault
	wildWorth   = 24 * time.Hour  // off from what its sensor's others say
	skewWorth   = 5 * time.Second // between sensors, beyond SERVEFLOW_LATENESS
	fewSamples  = 3               // of a sensor, for a median
)

// clock is how far one sensor's records are behind Kafka's timestamps.
type clock struct {
	sensor string
	n      int
	median time.Duration
}

// readClocks sets record time against Kafka's timestamps, sensor by sensor, and
// marks the records whose time no clock explains.
func readClocks(ours []seen) []clock {
	behind := make(map[string][]time.Duration)
	for _, r := range ours {
		if r.packet() && !r.time.IsZero() {
			behind[r.from] = append(behind[r.from], r.delay())
		}
	}
	var clocks []clock
	for _, sensor := range slices.Sorted(maps.Keys(behind)) {
		all := behind[sensor]
		slices.Sort(all)
		clocks = append(clocks, clock{sensor, len(all), all[len(all)/2]})
	}
	markWild(ours, behind, clocks)
	return clocks
}

// markWild marks the records that are far off from their sensor's median. Where
// that is many of a replay, they are of captures from different days.
func markWild(ours []seen, behind map[string][]time.Duration, clocks []clock) {
	usual := make(map[string]time.Duration)
	for _, k := range clocks {
		off := 0
		for _, delay := range behind[k.sensor] {
			if (delay - k.median).Abs() > wildWorth {
				off++
			}
		}
		if k.median < replayed || 10*off < k.n {
			usual[k.sensor] = k.median
		}
	}
	for i := range ours {
		r := &ours[i]
		median, known := usual[r.from]
		r.wild = known && r.packet() && !r.time.IsZero() && (r.delay()-median).Abs() > wildWorth
	}
}

// judgeClocks judges the sensors' clocks.
func judgeClocks(c *Config, ours []seen, clocks []clock) []Finding {
	found := judgeWild(ours)
	if skew := judgeSkew(c, clocks); skew != nil {
		return append(found, skew...)
	}
	for _, k := range clocks {
		if k.n >= fewSamples {
			found = append(found, k.judge()...)
		}
	}
	return found
}

// delay is how long after its packet a record was written to Kafka.
func (s *seen) delay() time.Duration {
	const most = 1 << 62 // times centuries apart do not fit
	us := s.time.UnixMicro() - s.rec.TS
	if us > most/1000 || us < -most/1000 {
		return most
	}
	return time.Duration(us) * time.Microsecond
}

func (k clock) String() string {
	name := k.sensor
	if name == "" {
		name = "(no name)"
	}
	return fmt.Sprintf("sensor %q: Kafka's timestamp less the packet's is %s at the median of %s", name, rounded(k.median), many(k.n, "record"))
}

func (k clock) judge() []Finding {
	evidence := []string{k.String()}
	switch {
	case k.median < -aheadWorth:
		return []Finding{{"clock-ahead", Warn, "a sensor's clock is ahead: packets are dated later than their records", evidence, "let the sensor and the brokers keep time by NTP or PTP"}}
	case k.median > replayed:
		return []Finding{{"replayed", Info, "records are of packets from days ago or more", evidence, "nothing, if a capture is being replayed; else the sensor's clock is wrong"}}
	case k.median > behindWorth:
		return []Finding{{"records-late", Warn, "records come long after their packets", evidence, "look at the lag of serveflow ship and at Zeek's log flush interval; or the sensor's clock is behind"}}
	}
	return nil
}

// judgeSkew judges sensors against each other: a partition has one clock for all.
func judgeSkew(c *Config, clocks []clock) []Finding {
	known := slices.DeleteFunc(slices.Clone(clocks), func(k clock) bool { return k.n < fewSamples })
	if len(known) < 2 {
		return nil
	}
	by := func(a, b clock) int { return int(a.median/time.Microsecond - b.median/time.Microsecond) }
	least, most := slices.MinFunc(known, by), slices.MaxFunc(known, by)
	skew := most.median - least.median
	if skew <= c.Lateness+skewWorth {
		return nil
	}
	return []Finding{{"sensor-skew", Warn, fmt.Sprintf("the sensors' clocks, or their ways to Kafka, are %s apart", rounded(skew)), []string{least.String(), most.String()},
		fmt.Sprintf("let the sensors keep time by NTP or PTP, and look at the lag of each one's shipper; flows of the one that is behind may time out early where it is more than SERVEFLOW_LATENESS (%v)", c.Lateness)}}
}

// judgeWild tells of single records with a time that no clock explains.
func judgeWild(ours []seen) []Finding {
	wild, packets, example := 0, 0, ""
	for _, r := range ours {
		if r.packet() {
			packets++
		}
		if r.wild {
			if wild++; wild == 1 {
				example = fmt.Sprintf("%s: flow %s, ts is %s", r.at(), r.uid, time.UnixMicro(r.rec.TS).UTC().Format(time.RFC3339))
			}
		}
	}
	if wild == 0 {
		return nil
	}
	return []Finding{{"wild-times", Warn, "packet records are dated more than a day off from the others of their sensor", []string{share(wild, packets, "packet record"), example},
		"look at the sensor's clock and capture; such a record moves only its own flow"}}
}
