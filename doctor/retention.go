package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
)

// number returns a topic's setting; fallback where it is missing or no number.
func number(settings map[string]string, name string, fallback int64) int64 {
	n, err := strconv.ParseInt(settings[name], 10, 64)
	if err != nil {
		return fallback
	}
	return n
}

// The bytes that one write may need. A record that cannot be decoded becomes a dead
// letter as a whole, with headers; labels are written in compressed batches.
const (
	deadLetterBytes = zeek.MaxRecord + 4<<10
	batchBytes      = 256 << 10
)

func checkMessageSize(r role, t *topic) []Finding {
	need := int64(batchBytes)
	if r.setting == "SERVEFLOW_DEAD_LETTER_TOPIC" {
		need = deadLetterBytes
	}
	limit := number(t.settings, "max.message.bytes", need)
	if !r.write || limit >= need {
		return nil
	}
	return []Finding{{"message-size", Warn, "topic " + r.topic + " takes smaller messages than may be written to it",
		[]string{fmt.Sprintf("max.message.bytes is %s, a write may need %s", withCommas(limit), withCommas(need))},
		fmt.Sprintf("set max.message.bytes of topic %s to %d or more", r.topic, need)}}
}

func checkCleanup(r role, t *topic) []Finding {
	if !strings.Contains(t.settings["cleanup.policy"], "compact") {
		return nil
	}
	seen := []string{"cleanup.policy is " + t.settings["cleanup.policy"]}
	remedy := "set cleanup.policy of topic " + r.topic + " to delete"
	switch r.setting {
	case "SERVEFLOW_TOPIC":
		return []Finding{{"compacted", Fault, "topic " + r.topic + " is compacted: of each flow, keyed by its uid, only the last record stays", seen, remedy}}
	case "SERVEFLOW_DEAD_LETTER_TOPIC":
		return []Finding{{"compacted", Fault, "topic " + r.topic + " is compacted: it refuses dead letters, which have no key", seen, remedy}}
	}
	return []Finding{{"labels-compacted", Info, "topic " + r.topic + " is compacted: of each flow only the last label stays", seen, "nothing, if that is what is wanted; else " + remedy}}
}

// headroom is the smallest retention with which a stop of an hour loses no records.
const headroom = time.Hour

func checkRetention(c *Config, t *topic) []Finding {
	ms := number(t.settings, "retention.ms", -1)
	keep := time.Duration(ms) * time.Millisecond
	if ms < 0 || !slices.Contains(strings.Split(t.settings["cleanup.policy"]+",delete", ","), "delete") || keep/time.Millisecond != time.Duration(ms) {
		return nil
	}
	remedy := fmt.Sprintf("set retention.ms of topic %s to a day (86400000) or more", t.name)
	seen := []string{fmt.Sprintf("retention.ms is %d (%v); a flow's records are needed for %v (SERVEFLOW_FLOW_MAX_AGE, SERVEFLOW_LATENESS and SERVEFLOW_DRAIN_TIMEOUT together)", ms, keep, c.InFlight)}
	switch {
	case keep < c.InFlight:
		return []Finding{{"retention-short", Fault, "topic " + t.name + " forgets records before the flows that need them are finished", seen, remedy}}
	case keep < headroom:
		return []Finding{{"retention-short", Warn, fmt.Sprintf("topic %s keeps records for less than an hour: a stop longer than %v loses some", t.name, keep), seen, remedy}}
	}
	return nil
}
