package doctor

import (
	"encoding/json"
	"fmt"
)

// checkLabels reports labels that another bundle wrote; newest are the newest labels.
func checkLabels(l LabelTopic, newest []record) []Finding {
	others := make(map[string]int)
	for _, r := range newest {
		var label struct {
			Task   string `json:"task"`
			Bundle string `json:"bundle"`
			Digest string `json:"bundle_digest"`
		}
		if json.Unmarshal(r.value, &label) == nil && label.Digest != "" && label.Digest != l.Digest {
			others[fmt.Sprintf("%.64q, digest %.12s", label.Bundle, label.Digest)]++
		}
	}
	if len(others) == 0 || l.Digest == "" {
		return nil
	}
	var evidence []string
	for _, name := range byCount(others) {
		evidence = append(evidence, fmt.Sprintf("%s: %d of the newest %d labels", name, others[name], len(newest)))
	}
	return []Finding{{"labels-of-another-bundle", Info, fmt.Sprintf("topic %s holds labels of another bundle than the one at hand (digest %.12s)", l.Topic, l.Digest), firstLines(evidence),
		"nothing after a change of bundle; else look which bundle the running serveflow has (SERVEFLOW_BUNDLE, SERVEFLOW_TASK)"}}
}
