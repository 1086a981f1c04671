// Package page draws a cascade's figures as one HTML file.
//
// The file needs no network and no script. Pictures are SVG whose text is readable at the width
// of a phone; colours follow the reader's choice of light or dark, and never tell anything alone.
package page

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"math"

	"github.com/serveflow/serveflow/workbench/judge"
	"github.com/serveflow/serveflow/workbench/words"
)

//go:embed page.html curve.html style.css
var files embed.FS

// Write writes the page of an evaluation.
func Write(w io.Writer, e *judge.Evaluation) error {
	all, err := parsed("page.html")
	if err != nil {
		return err
	}
	if err := all.Execute(w, newView(e)); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	return nil
}

// parsed is a template with what the templates call.
func parsed(name string) (*template.Template, error) {
	style, err := files.ReadFile("style.css")
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	all, err := template.New(name).Funcs(template.FuncMap{
		"fraction": words.Fraction3, "percent": words.Percent, "wait": words.Wait, "span": words.Span, "micros": words.Micros,
		"thousands": words.Thousands, "counted": words.Counted,
		"hundred": func(share float64) float64 { return 100 * share },
		"style":   func() template.CSS { return template.CSS(style) },
	}).ParseFS(files, name)
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	return all, nil
}

// view is what the page shows.
type view struct {
	E        *judge.Evaluation
	F        *judge.Report
	Few      int // captures
	FewFlows int
	Percents [3]float64 // within 16 ms, of all flows, with its interval
	Title    string
	Pictures []picture
	Waits    *picture // of each class; nil: no known flow has a label
	Stages   []share
	Reasons  []share
	Classes  []group
}

// picture is a drawing with what one sees in it.
type picture struct {
	Title string
	Drawn template.HTML
	Note  string
}

// share is a row of bars.
type share struct {
	Name       string
	Known, All judge.Figure
	Widths     [2]float64 // percent
	Two        bool       // there are flows without a known label
}

// group is a table of classes, or of families, with its confusion.
type group struct {
	What    string
	Title   string
	Rows    []class
	Columns []string
	Mistake string
}

// class is a row of both tables.
type class struct {
	Class            judge.Class
	At, From, Length float64 // of F1 and its interval, percent
	Cells            []cell
}

// cell is one number of a confusion.
type cell struct {
	N     int
	Share float64 // of the row: how strongly it is coloured
	Right bool
	Deep  bool // coloured so strongly that its number needs another colour
}

func newView(e *judge.Evaluation) view {
	f := &e.Figures
	v := view{E: e, F: f, Few: judge.FewCaptures, FewFlows: judge.FewFlows, Stages: bars(f, f.ByStage), Reasons: bars(f, f.ByReason)}
	v.Percents = [3]float64{100 * f.WaitAll.Under.Value, 100 * f.WaitAll.Under.Low, 100 * f.WaitAll.Under.High}
	v.Title = fmt.Sprintf("%.1f%% of known flows get the right label, and of all flows %.1f%% get theirs within 16 ms", 100*f.Quality.Accuracy.Value, 100*f.WaitAll.Under.Value)
	v.Pictures = append(v.Pictures, picture{frontierSays(f), frontier(f), "Up and to the left is better. Upright lines are intervals of macro-F1."})
	if d := f.Deferral; d != nil {
		v.Pictures = append(v.Pictures, picture{deferralSays(d), deferral(d),
			"The oracle knows which flows the later stage gets right. The band is the interval of the solid curve. The cascade may stand above it: it has more stages and rules than these two."})
	}
	v.Pictures = append(v.Pictures, picture{fmt.Sprintf("Stated confidence is off by %.1f points in the mean", 100*f.Reliability.ECE.Value), calibration(&f.Reliability),
		"Below the dotted line labels are surer than they are right. Upright lines are intervals."})
	if len(f.WaitByClass) > 0 {
		v.Waits = &picture{boxesSay(f.WaitByClass), spread(f.WaitByClass), "Known flows by their true class. Where dot and box lie at 0, most are decided on their first packet."}
	}
	v.Classes = append(v.Classes, newGroup("class", &f.Quality))
	if f.Families != nil {
		v.Classes = append(v.Classes, newGroup("family", f.Families))
	}
	return v
}

func bars(f *judge.Report, all []judge.Share) (out []share) {
	for _, s := range all {
		name := s.Name
		if name == "" {
			name = "(no stage)"
		}
		out = append(out, share{name, s.Known, s.All, [2]float64{100 * s.Known.Value, 100 * s.All.Value}, f.Flows.Other > 0})
	}
	return out
}

// newGroup makes the tables of classes or families, and says which is the weakest.
func newGroup(what string, q *judge.Quality) group {
	g := group{What: what, Columns: q.Columns}
	worst, most := 0, 0
	for i, c := range q.Classes {
		row := class{Class: c, At: 100 * c.F1.Value, From: 100 * c.F1.Low, Length: 100 * (c.F1.High - c.F1.Low)}
		for k, n := range q.Confusion[i] {
			share := float64(n) / float64(c.Support)
			right := q.Columns[k] == c.Name
			row.Cells = append(row.Cells, cell{n, math.Round(1000*math.Sqrt(share)) / 1000, right, math.Sqrt(share) > .62})
			if n > most && !right {
				most = n
				g.Mistake = fmt.Sprintf("The most common mistake: %s called %s (%s)", c.Name, q.Columns[k], words.Counted(n, "flow"))
			}
		}
		if c.F1.Value < q.Classes[worst].F1.Value {
			worst = i
		}
		g.Rows = append(g.Rows, row)
	}
	if most == 0 {
		g.Mistake = "No flow is called another " + what
	}
	g.Title = fmt.Sprintf("F1 is lowest for %s, %.3f", q.Classes[worst].Name, q.Classes[worst].F1.Value)
	if q.Classes[worst].F1.Value == 1 {
		g.Title = fmt.Sprintf("F1 is 1 for every %s: all labels are right", what)
	}
	return g
}
