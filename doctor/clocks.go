package doctor

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// The limits beyond which a clock's deviation is a finding.
const (
	aheadThreshold   = 2 * time.Second // a sensor's time is later than the brokers'
	lateThreshold    = time.Minute     // a record comes after its packet
	replayAge        = 24 * time.Hour  // older records are of a replay, which is no fault
	outlierThreshold = 24 * time.Hour  // a record's delay differs from its sensor's median
	skewThreshold    = 5 * time.Second // sensors differ, beyond SERVEFLOW_LATENESS
	minSamples       = 3               // the records of a sensor that make a median
)

// clock is the delay of one sensor's records: Kafka's timestamp minus record time.
type clock struct {
	sensor string
	n      int // number of records
	median time.Duration
}

// measureClocks measures the delay of each sensor's records. It marks the records whose
// time differs too much from their sensor's.
func measureClocks(records []inputRecord) []clock {
	delays := make(map[string][]time.Duration)
	for _, r := range records {
		if r.packet() && !r.raw.time.IsZero() {
			delays[r.sensor] = append(delays[r.sensor], r.delay())
		}
	}
	var clocks []clock
	for _, sensor := range slices.Sorted(maps.Keys(delays)) {
		all := delays[sensor]
		slices.Sort(all)
		clocks = append(clocks, clock{sensor, len(all), all[len(all)/2]})
	}
	markOutliers(records, delays, clocks)
	return clocks
}

// markOutliers marks the records that are far from their sensor's median. It marks none
// of a replay with many of them: those come from captures of different days.
func markOutliers(records []inputRecord, delays map[string][]time.Duration, clocks []clock) {
	usual := make(map[string]time.Duration)
	for _, k := range clocks {
		off := 0
		for _, delay := range delays[k.sensor] {
			if (delay - k.median).Abs() > outlierThreshold {
				off++
			}
		}
		if k.median < replayAge || 10*off < k.n {
			usual[k.sensor] = k.median
		}
	}
	for i := range records {
		r := &records[i]
		median, known := usual[r.sensor]
		r.outlier = known && r.packet() && !r.raw.time.IsZero() && (r.delay()-median).Abs() > outlierThreshold
	}
}

// checkClocks checks the sensors' clocks.
func checkClocks(c *Config, records []inputRecord, clocks []clock) []Finding {
	found := checkOutliers(records)
	if skew := checkSkew(c, clocks); skew != nil {
		return append(found, skew...)
	}
	for _, k := range clocks {
		if k.n >= minSamples {
			found = append(found, k.check()...)
		}
	}
	return found
}

// delay returns how long after its packet a record was written to Kafka.
func (s *inputRecord) delay() time.Duration {
	const most = 1 << 62 // a difference of centuries does not fit into a Duration
	us := s.raw.time.UnixMicro() - s.rec.TS
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
	return fmt.Sprintf("sensor %q: Kafka's timestamp less the packet's is %s at the median of %s", name, rounded(k.median), plural(k.n, "record"))
}

func (k clock) check() []Finding {
	evidence := []string{k.String()}
	switch {
	case k.median < -aheadThreshold:
		return []Finding{{"clock-ahead", Warn, "a sensor's clock is ahead: packets are dated later than their records", evidence, "let the sensor and the brokers keep time by NTP or PTP"}}
	case k.median > replayAge:
		return []Finding{{"replayed", Info, "records are of packets from days ago or more", evidence, "nothing, if a capture is being replayed; else the sensor's clock is wrong"}}
	case k.median > lateThreshold:
		return []Finding{{"records-late", Warn, "records come long after their packets", evidence, "look at the lag of serveflow ship and at Zeek's log flush interval; or the sensor's clock is behind"}}
	}
	return nil
}

// checkSkew compares the sensors' delays: record time of a partition is one clock for
// all its sensors.
func checkSkew(c *Config, clocks []clock) []Finding {
	known := slices.DeleteFunc(slices.Clone(clocks), func(k clock) bool { return k.n < minSamples })
	if len(known) < 2 {
		return nil
	}
	by := func(a, b clock) int { return int(a.median/time.Microsecond - b.median/time.Microsecond) }
	least, most := slices.MinFunc(known, by), slices.MaxFunc(known, by)
	skew := most.median - least.median
	if skew <= c.Lateness+skewThreshold {
		return nil
	}
	return []Finding{{"sensor-skew", Warn, fmt.Sprintf("the sensors' clocks, or their ways to Kafka, are %s apart", rounded(skew)), []string{least.String(), most.String()},
		fmt.Sprintf("let the sensors keep time by NTP or PTP, and look at the lag of each one's shipper; flows of the one that is behind may time out early where it is more than SERVEFLOW_LATENESS (%v)", c.Lateness)}}
}

// checkOutliers reports single records whose time differs too much from their sensor's.
func checkOutliers(records []inputRecord) []Finding {
	outlier, packets, example := 0, 0, ""
	for _, r := range records {
		if r.packet() {
			packets++
		}
		if r.outlier {
			if outlier++; outlier == 1 {
				example = fmt.Sprintf("%s: flow %s, ts is %s", r.at(), r.uid, time.UnixMicro(r.rec.TS).UTC().Format(time.RFC3339))
			}
		}
	}
	if outlier == 0 {
		return nil
	}
	return []Finding{{"wild-times", Warn, "packet records are dated more than a day off from the others of their sensor", []string{share(outlier, packets, "packet record"), example},
		"look at the sensor's clock and capture; such a record moves only its own flow"}}
}
