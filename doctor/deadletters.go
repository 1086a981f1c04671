package doctor

import "fmt"

// checkDeadLetters reports dead letters by reason; newest are the newest ones.
func checkDeadLetters(c *Config, t *topic, newest []record) []Finding {
	if !t.ok() || t.recordCount() == 0 {
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
	evidence := []string{"dead letters held: " + withCommas(t.recordCount()) + "; of the newest:"}
	for _, reason := range byCount(count) {
		evidence = append(evidence, fmt.Sprintf("reason %s: %d, as %s", reason, count[reason], example[reason]))
	}
	return []Finding{{"dead-letters", Warn, "there are dead letters: records that could not be read", firstLines(evidence),
		"mend what writes them; the bytes are kept in topic " + c.DeadLetterTopic + ", to be written again once they can be read"}}
}
