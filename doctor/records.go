package doctor

import (
	"fmt"
	"slices"

	"github.com/serveflow/serveflow/flow/zeek"
)

// checkBadRecords reports records that cannot be decoded, by reason.
func checkBadRecords(s *sample) []Finding {
	count, example := make(map[string]int), make(map[string]string)
	total := 0
	for _, r := range s.records {
		if r.err == nil {
			continue
		}
		total++
		if count[r.err.Reason]++; count[r.err.Reason] == 1 {
			example[r.err.Reason] = fmt.Sprintf("%s: %v", r.at(), r.err)
		}
	}
	if total == 0 {
		return nil
	}
	evidence := []string{share(total, len(s.records), "record")}
	for _, reason := range zeek.Reasons() {
		if count[reason] > 0 {
			evidence = append(evidence, fmt.Sprintf("%s: %s, as %s", reason, plural(count[reason], "record"), example[reason]))
		}
	}
	f := Finding{"bad-records", Warn, "records of topic " + s.topic.name + " cannot be read; they go to the dead letters", evidence,
		"look at what writes them: each example names the field and what was expected there"}
	if 10*total > len(s.records) {
		f.Severity = Fault
	}
	return []Finding{f}
}

// checkOtherLogs reports records of other logs on the topic.
func checkOtherLogs(c *Config, s *sample) []Finding {
	count := make(map[string]int)
	total, readable := 0, 0
	for _, r := range s.records {
		if r.err == nil {
			readable++
		}
		if r.otherLog != "" {
			count[r.otherLog]++
			total++
		}
	}
	if total == 0 {
		return nil
	}
	evidence := []string{share(total, len(s.records), "record")}
	for _, log := range byCount(count) {
		evidence = append(evidence, fmt.Sprintf("%s: %s", log, plural(count[log], "record")))
	}
	if total == readable {
		what := "packet records: no flow is labelled"
		if c.Needs.Conns {
			what = "conn.log records: no flow is labelled"
		}
		return []Finding{{"no-packet-records", Fault, "topic " + c.Topic + " carries other logs and no " + what, firstLines(evidence),
			"load the serveflow package in Zeek, and send its log path serveflow to this topic; or name the topic that has it by SERVEFLOW_TOPIC"}}
	}
	return []Finding{{"other-logs", Info, "topic " + c.Topic + " carries other logs too; they are passed by and counted", firstLines(evidence),
		"nothing; a topic of its own for the log path serveflow saves reading them"}}
}

// byCount returns the names, sorted by their count, the largest first.
func byCount(count map[string]int) []string {
	var names []string
	for name := range count {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if count[a] != count[b] {
			return count[b] - count[a]
		}
		if a < b {
			return -1
		}
		return 1
	})
	return names
}
