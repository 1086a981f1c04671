package nearest

import "testing"

func TestTo(t *testing.T) {
	known := []string{"SERVEFLOW_TOPIC", "SERVEFLOW_GROUP", "SERVEFLOW_LABEL_TOPIC"}
	for name, want := range map[string]string{
		"SERVEFLOW_TOPC":       "SERVEFLOW_TOPIC",
		"SERVEFLOW_TOPIC":      "SERVEFLOW_TOPIC",
		"SERVEFLOW_LABELTOPIC": "SERVEFLOW_LABEL_TOPIC",
		"SERVEFLOW_GRUOP":      "SERVEFLOW_GROUP",
	} {
		if got := To(name, known); got != want {
			t.Errorf("To(%s) = %s, want %s", name, got, want)
		}
	}
	if got := To("cat", []string{"car", "bat"}); got != "car" {
		t.Errorf("two are as near: got %s, want the first", got)
	}
	if got := To("x", nil); got != "" {
		t.Errorf("nothing known: got %q", got)
	}
}

func TestLike(t *testing.T) {
	known := []string{"run", "ship", "replay", "send"}
	for name, want := range map[string]string{"rnu": "run", "shipp": "ship", "replai": "replay", "labl": "", "--foo": "", "replayreplay": "", "sixlet": "", "": ""} {
		if got := Like(name, known); got != want {
			t.Errorf("Like(%q) = %q, want %q", name, got, want)
		}
	}
	if got := Like("of-nine-letters", []string{"of-mine-letter"}); got != "of-mine-letter" {
		t.Errorf("of a long name more may differ: %q", got)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "", 3}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"flaw", "lawn", 2}, {"ab", "b", 1}, {"a", "ba", 1}, {"ab", "a", 1}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
