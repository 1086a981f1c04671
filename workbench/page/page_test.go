package page

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/workbench/judge"
)

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
	return out.String()
}

// The page needs nothing but itself, and each picture is well formed.
func TestPage(t *testing.T) {
	page := written(t, evaluation(t))
	for _, bad := range []string{"http:", "https:", "//", "<script", "url(", "@import", "ZgotmplZ", "NaN", "Inf", "<no value>", "%!"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, want := range []string{"prefers-color-scheme: dark", "no-repeat local", "width=device-width", "of known flows get the right label", "The cascade gives", "oracle", "Stated confidence is off", "waits longest",
		"first decides", "F1 is lowest for", "The most common mistake", "called unknown", "beside each stage alone", "family"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	pictures := regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(page, -1)
	if len(pictures) != 4 {
		t.Errorf("%d pictures", len(pictures))
	}
	for _, picture := range pictures {
		d := xml.NewDecoder(strings.NewReader(picture))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%v: %s", err, picture)
			}
		}
	}
}

// Names of classes come from a file of somebody else's.
func TestNamesAreEscaped(t *testing.T) {
	e := evaluation(t)
	const name = `<script>alert("x")</script>`
	e.Bundle, e.Figures.Quality.Classes[0].Name, e.Figures.WaitByClass[0].Class = name, name, name
	e.Figures.Alone[0].Stage, e.Figures.ByStage[0].Name, e.Figures.Deferral.First = name, name, name
	if page := written(t, e); strings.Contains(page, "<script") {
		t.Error("a name became a script")
	}
}

// One stage, no families, one capture: what is not there is left out.
func TestLittle(t *testing.T) {
	e := evaluation(t)
	e.Figures.Deferral, e.Figures.Alone, e.Figures.Families, e.Figures.Foreign, e.Figures.WaitByClass = nil, nil, nil, nil, nil
	e.Figures.Flows.Other, e.Figures.Flows.DrawnBy = 0, "flow"
	page := written(t, e)
	if strings.Contains(page, "The oracle knows") || strings.Contains(page, "beside each stage") || !strings.Contains(page, "the true intervals are wider") || strings.Contains(page, "NaN") {
		t.Error("the page has what is not there")
	}
	e.Figures.Flows.DrawnBy, e.Figures.Flows.Captures = "capture", 3
	if !strings.Contains(written(t, e), "With 3 captures the intervals mean little") {
		t.Error("few captures are not said")
	}
}

// Headlines claim no more than the intervals show, and say of which flows they are.
func TestHeadlines(t *testing.T) {
	e := evaluation(t)
	f := &e.Figures
	f.WaitAll.Under.Value, f.WaitKnown.Under.Value, f.Flows.OfClass = .978, .9996, 199
	last := &f.Alone[len(f.Alone)-1]
	last.Less = judge.Figure{Value: .01, Low: -.018, High: .025}
	for i := range f.Deferral.Points {
		f.Deferral.Points[i].Oracle = f.Deferral.Points[i].Random
	}
	f.Families = nil
	for i := range f.Quality.Classes {
		f.Quality.Classes[i].F1.Value = 1
	}
	page := written(t, e)
	for _, want := range []string{"and of all flows 97.8% get theirs within 16 ms", "The cascade gives 99.9% of known flows&#39; labels within 16 ms", "in macro-F1 these captures show no difference", "F1 is 1 for every class: all labels are right",
		"Leaving flows of first to slow gains nothing here", "Only 199 flows with a label that is a class: so few say little", "right, of labels with this confidence"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"points higher", "F1 is lowest", "oracle&#39;s gain"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for want, less := range map[string]judge.Figure{"its macro-F1 is 1.0 points higher": {Value: .01, Low: .001, High: .02}, "its macro-F1 is 1.0 points lower": {Value: -.01, Low: -.02, High: -.001}, "its macro-F1 is the same": {}} {
		if last.Less = less; !strings.Contains(frontierSays(f), want) {
			t.Errorf("%+v: %s", less, frontierSays(f))
		}
	}
	if f.Flows.OfClass = 200; strings.Contains(written(t, e), "so few say little") {
		t.Error("200 flows are few")
	}
}

// Marks of an axis lie within it.
func TestTicks(t *testing.T) {
	for most, want := range map[float64]int{0: 4, 900: 4, 1001: 5, 50_000: 6, 1e7: 7} {
		if got := waitTicks(most); len(got) != want {
			t.Errorf("to %v ms: %v", most, got)
		}
	}
	for _, c := range [][2]float64{{0, 1}, {.69, .92}, {.98, 1}, {.5, .5}} {
		for _, tick := range fractionTicks(c[0], c[1]) {
			if tick.at < c[0]-1e-6 || tick.at > c[1]+1e-6 {
				t.Errorf("%v: mark %+v", c, tick)
			}
		}
	}
	x := axis{from: 0, to: 10_000, start: 40, end: 340, log: true}
	if x.at(0) != 40 || x.at(10_000) != 340 || x.at(100) < 150 || x.at(100) > 220 || x.at(1e9) != 340 {
		t.Errorf("%v %v %v", x.at(0), x.at(100), x.at(10_000))
	}
}
