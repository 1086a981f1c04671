package summary

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/serveflow/serveflow/workbench/judge"
)

var update = flag.Bool("update", false, "rewrite the golden file")

func evaluation(t *testing.T) *judge.Evaluation {
	t.Helper()
	data, err := os.ReadFile("../judge/testdata/evaluation.json")
	if err != nil {
		t.Fatal(err)
	}
	e := &judge.Evaluation{}
	if err := json.Unmarshal(data, e); err != nil {
		t.Fatal(err)
	}
	return e
}

func written(t *testing.T, e *judge.Evaluation) string {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, e); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width || strings.HasSuffix(line, " \n") {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	return out.String()
}

func TestGolden(t *testing.T) {
	const golden = "testdata/summary.txt"
	got := written(t, evaluation(t))
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs: see what by go test -update and git diff", golden)
	}
}

// What makes figures doubtful is said, and what is not there is left out.
func TestHonest(t *testing.T) {
	e := evaluation(t)
	e.Figures.Flows.Captures = 7
	if got := written(t, e); !strings.Contains(got, "With 7 captures the intervals mean little") {
		t.Errorf("seven captures: %s", got)
	}
	if e.Figures.Flows.OfClass = 199; !strings.Contains(written(t, e), "Only 199 flows with a label that is a class: so few say little. Label 200 or more.") {
		t.Error("few flows are not said")
	}
	if e.Figures.Flows.OfClass = 200; strings.Contains(written(t, e), "so few say little") {
		t.Error("200 flows are few")
	}
	for i := range e.Figures.Deferral.Points {
		e.Figures.Deferral.Points[i].Oracle = e.Figures.Deferral.Points[i].Random
	}
	if got := written(t, e); !strings.Contains(got, "There is nothing to gain") || strings.Contains(got, "oracle's gain") {
		t.Errorf("nothing to gain: %s", got)
	}
	e.Figures.Flows.DrawnBy = "flow"
	if got := written(t, e); !strings.Contains(got, "draws of the flows lie") || !strings.Contains(got, "the true intervals are wider") {
		t.Errorf("one capture: %s", got)
	}
	e.Figures.Deferral, e.Figures.Alone, e.Figures.Families, e.Figures.Foreign = nil, nil, nil, nil
	e.Figures.Flows.Other, e.Figures.Flows.Unlabelled, e.Run.Unlabelled = 0, 0, 0
	got := written(t, e)
	for _, words := range []string{"alone", "famil", "no class", "further", "no label,", "failed"} {
		if strings.Contains(got, words) {
			t.Errorf("%q: %s", words, got)
		}
	}
	e.Run.Input = "conn"
	if got := written(t, e); !strings.Contains(got, "Zeek writes their records") || strings.Contains(got, "SERVEFLOW_LATENESS") {
		t.Errorf("of conn.log: %s", got)
	}
	for i := range e.Figures.Quality.Confusion {
		for range 20 {
			e.Figures.Quality.Confusion[i] = append(e.Figures.Quality.Confusion[i], 0)
		}
	}
	e.Figures.Quality.Columns = append(e.Figures.Quality.Columns, strings.Split(strings.Repeat("x", 20), "")...)
	if got := written(t, e); !strings.Contains(got, "too wide for a terminal") {
		t.Errorf("many classes: %s", got)
	}
}
