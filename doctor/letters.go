package doctor

import (
	"encoding/json"
	"fmt"
)

// judgeLetters tells of dead letters.
func judgeLetters(c *Config, t *topic, newest []record) []Finding {
	if !t.ok() || t.held() == 0 {
		return nil
	}
	count, example := make(map[string]int), make(map[string]string)
	for _, r := range newest {
		h := make(map[string]string)
		for _, header := range r.headers {
			h[header.Key] = string(header.Value)
		}
		reason := fmt.Sprintf("%.32q", h["reason"])
		if count[reason]++; count[reason] == 1 {
			example[reason] = fmt.Sprintf("%.64q, partition %.12s, offset %.20s: %.200q", h["topic"], h["partition"], h["offset"], h["error"])
		}
	}
	evidence := []string{"dead letters held: " + grouped(t.held()) + "; of the newest:"}
	for _, reason := range ranked(count) {
		evidence = append(evidence, fmt.Sprintf("reason %s: %d, as %s", reason, count[reason], example[reason]))
	}
	return []Finding{{"dead-letters", Warn, "there are dead letters: records that could not be read", head(evidence),
		"mend what writes them; the bytes are kept in topic " + c.DeadLetterTopic + ", to be written again once they can be read"}}
}

// judgeLabels tells of labels that another bundle or task gave.
func judgeLabels(c *Config, newest []record) []Finding {
	others := make(map[string]int)
	for _, r := range newest {
		var label struct {
			Task   string `json:"task"`
			Bundle string `json:"bundle"`
			Digest string `json:"bundle_digest"`
		}
		if json.Unmarshal(r.value, &label) == nil && label.Digest != "" && label.Digest != c.Needs.Digest {
			others[fmt.Sprintf("%.64q, digest %.12s", label.Bundle, label.Digest)]++
		}
	}
	if len(others) == 0 || c.Needs.Digest == "" {
		return nil
	}
	var evidence []string
	for _, name := range ranked(others) {
		evidence = append(evidence, fmt.Sprintf("%s: %d of the newest %d labels", name, others[name], len(newest)))
	}
	return []Finding{{"labels-of-another-bundle", Info, fmt.Sprintf("topic %s holds labels of another bundle than the one at hand (digest %.12s)", c.LabelTopic, c.Needs.Digest), head(evidence),
		"nothing after a change of bundle; else look which bundle the running serveflow has (SERVEFLOW_BUNDLE, SERVEFLOW_TASK)"}}
}
