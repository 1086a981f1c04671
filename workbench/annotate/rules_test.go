package annotate

import (
	"regexp"
	"strings"
	"testing"
)

func TestReadRules(t *testing.T) {
	for text, want := range map[string]string{
		"a,b\n": "",
		"pattern,label\n# a comment\n\n\"x, y\",b\r\n": "",
		"\ufeffpattern,label\na,b":                     "",
		"":                                             "no rule in it",
		"pattern,label\n":                              "no rule in it",
		"a,b\na\n":                                     "line 2 has 1 columns",
		"a,b,c\n":                                      "line 1 has 3 columns",
		",b\n":                                         "line 1 has no pattern",
		"a," + strings.Repeat("ä", 64) + "\n":          "",
		"a,\n":                                         "line 1: the label is empty",
		"a,x\xffy\n":                                   "line 1 is not text in UTF-8: save the file as UTF-8",
		"a,b\nx\xffy,b\n":                              "line 2 is not text in UTF-8",
		"*,unknown\n":                                  "line 1: the label \"unknown\" is what every bundle says of flows that are like no class",
		"*,unknowns\n":                                 "",
		"a,x\x01y\n":                                   "line 1: the label",
		"a," + strings.Repeat("ä", 65) + "\n":          "more than 64 characters",
		"a,b\n\"x,y\n":                                 "line 2",
	} {
		_, err := ReadRules(strings.NewReader(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestRules(t *testing.T) {
	rules := rulesOf(t, "pattern,label\n*.video.example.com,video\n.example.com,web\nET SCAN*,scan\n\"*, inc*\",company\nSMB*,windows\n*,rest\n")
	for name, want := range map[string]string{
		"r1.video.example.com": "video", "video.example.com": "web", "example.com": "web", "WWW.EXAMPLE.COM": "web", "notexample.com": "rest",
		"ET SCAN [x]/y?": "scan", "An ET SCAN": "rest", "acme, Inc.": "company", "SMBv23": "windows",
	} {
		if got, ok := rules.label(&row{names: []string{"", name}[1:]}); got != want || !ok {
			t.Errorf("%s: %s %v, want %s", name, got, ok, want)
		}
	}
	few := rulesOf(t, "b,second\na,first\n")
	if got, _ := few.label(&row{names: []string{"a", "b"}}); got != "second" {
		t.Errorf("the first rule does not hold: %s", got)
	}
	if got, ok := few.label(&row{names: []string{"c"}}); ok {
		t.Errorf("c is %s", got)
	}
	if got, ok := few.label(&row{names: []string{"c"}, final: true}); got != "c" || !ok {
		t.Errorf("a label is %s", got)
	}
}

// FuzzFits compares patterns with regular expressions.
func FuzzFits(f *testing.F) {
	f.Add(".example.com", "www.example.com")
	f.Add("a*b*c", "abbc")
	f.Add("dns", "dnsx")
	f.Add("dns", "xdns")
	f.Add("a*b", "acbd")
	f.Add("ab*ba", "aba")
	f.Add("*ab", "aab")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if pattern == "" {
			return
		}
		var b strings.Builder
		for i, part := range strings.Split(pattern, "*") {
			if i > 0 {
				b.WriteString("(?s:.*)")
			}
			b.WriteString(regexp.QuoteMeta(part))
		}
		text := "^(?:" + b.String() + ")$"
		if pattern[0] == '.' && !strings.Contains(pattern, "*") {
			text = "^(?:|(?s:.*)\\.)" + regexp.QuoteMeta(pattern[1:]) + "$"
		}
		re, err := regexp.Compile(text)
		if err != nil || strings.Contains(pattern[1:], "*") && pattern[0] == '.' {
			return
		}
		if got, want := fits(pattern, name), re.MatchString(name); got != want {
			t.Errorf("%q and %q: %v, want %v", pattern, name, got, want)
		}
	})
}
