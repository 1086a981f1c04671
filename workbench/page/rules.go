package page

import (
	"fmt"
	"strings"

	"github.com/serveflow/serveflow/workbench/calibrate"
	"github.com/serveflow/serveflow/workbench/words"
)

// Rules says a stage's rules in words.
func Rules(r calibrate.StageRules, classes []string, last bool) (text string) {
	if !last {
		text = fmt.Sprintf("threshold %.4f", r.Threshold)
		if r.Thresholds != nil {
			text += ", by class"
		}
	}
	if r.Below > 0 {
		text += fmt.Sprintf("; no more below %.2f", r.Below)
	}
	for _, p := range r.Patience {
		who := "others"
		if p.Classes == nil && p.Packets == 0 && len(r.Patience) == 1 {
			who = "patience"
		}
		var names []string
		for _, class := range p.Classes {
			names = append(names, classes[class])
		}
		if names != nil {
			who = strings.Join(names, ", ")
		}
		text += fmt.Sprintf("; %s %s", who, words.Wait(float64(p.Wait.Microseconds())/1000))
		if p.Packets > 0 {
			text += " with " + words.Counted(p.Packets, "packet")
		}
	}
	if text == "" {
		return "always answers"
	}
	return text
}

// FamilyRule says a family's threshold in words.
func FamilyRule(threshold float64) string {
	if threshold < 0 {
		return "lets no answer out"
	}
	return fmt.Sprintf("threshold %.4f", threshold)
}
