package page

import (
	"fmt"
	"html/template"

	"github.com/serveflow/serveflow/workbench/judge"
	"github.com/serveflow/serveflow/workbench/words"
)

// deferral draws macro-F1 against the share that the first stage leaves to the last.
func deferral(d *judge.Deferral) template.HTML {
	bottom, top := d.Here.Value, d.Here.Value
	for _, p := range d.Points {
		bottom, top = min(bottom, p.Rule.Low, p.Random.Value), max(top, p.Rule.High, p.Oracle.Value)
	}
	s := scene{height: 290, about: "Macro-F1 against the share of flows that the first stage alone leaves to the last stage alone, by its uncertainty, at random, and by the oracle"}
	f := frame{left: 40, right: wide - 12, top: 26, bottom: 246}
	x := axis{from: 0, to: 1, start: f.left, end: f.right}
	y := axis{from: max(0, bottom-.01), to: min(1, top+.01), start: f.bottom, end: f.top}
	s.axes(f, x, y, percentTicks(), fractionTicks(y.from, y.to), fmt.Sprintf("share of flows that %s leaves to %s", d.First, d.Last), "macro-F1")
	line := func(of func(judge.Point) float64) (points [][2]float64) {
		for _, p := range d.Points {
			points = append(points, [2]float64{x.at(p.Share), y.at(of(p))})
		}
		return points
	}
	band := line(func(p judge.Point) float64 { return p.Rule.High })
	low := line(func(p judge.Point) float64 { return p.Rule.Low })
	for i := len(low) - 1; i >= 0; i-- {
		band = append(band, low[i])
	}
	s.path("band", band, true)
	s.path("curve random", line(func(p judge.Point) float64 { return p.Random.Value }), false)
	s.path("curve oracle", line(func(p judge.Point) float64 { return p.Oracle.Value }), false)
	s.path("curve rule", line(func(p judge.Point) float64 { return p.Rule.Value }), false)
	hx, hy := x.at(d.At.Value), y.at(d.Here.Value)
	s.line("bar main", hx, y.at(d.Here.Low), hx, y.at(d.Here.High))
	s.add(`<path class="here" d="M%.1f %.1fl6 6l-6 6l-6 -6z"/>`, hx, hy-6)
	// The key has its place below the curves, where none of them comes.
	for i, k := range []struct{ class, name string }{{"curve oracle", "the oracle"}, {"curve rule", "by its uncertainty"}, {"curve random", "at random"}} {
		at := f.bottom - 58 + 16*float64(i)
		s.line(k.class, f.right-128, at, f.right-106, at)
		s.text("mark", "start", f.right-100, at+4, k.name)
	}
	s.add(`<path class="here" d="M%.1f %.1fl5 5l-5 5l-5 -5z"/>`, f.right-117, f.bottom-15.)
	s.text("mark", "start", f.right-100, f.bottom-6, "the cascade")
	return s.svg()
}

// calibration draws how often the labels of each confidence are right, and below how many they are.
func calibration(r *judge.Reliability) template.HTML {
	s := scene{height: 290, about: "Accuracy of the labels against their confidence, and how many labels have each confidence"}
	f := frame{left: 40, right: wide - 12, top: 26, bottom: 200}
	x := axis{from: 0, to: 1, start: f.left, end: f.right}
	y := axis{from: 0, to: 1, start: f.bottom, end: f.top}
	all := 0
	for _, b := range r.Bins {
		all += b.Flows
	}
	for _, t := range percentTicks() {
		s.line("grid", f.left, y.at(t.at), f.right, y.at(t.at))
		s.text("mark", "end", f.left-6, y.at(t.at)+4, t.name)
	}
	s.text("name", "start", 2, f.top-8, "right, of labels with this confidence")
	s.line("axis", f.left, f.bottom, f.right, f.bottom)
	s.line("ideal", x.at(0), y.at(0), x.at(1), y.at(1))
	s.text("mark", "end", x.at(.52), y.at(.62), "as stated")
	for _, b := range r.Bins {
		at := x.at(b.Confidence)
		s.line("bar main", at, y.at(b.Accuracy.Low), at, y.at(b.Accuracy.High))
		s.dot("dot main", at, y.at(b.Accuracy.Value), 4.5)
	}
	const foot = 248.
	for _, b := range r.Bins {
		share := float64(b.Flows) / float64(all)
		h := max(1, 34*share)
		s.rect("count", x.at(b.From)+1, foot-h, x.at(b.To)-x.at(b.From)-2, h)
		if share >= .005 {
			s.text("tiny", "middle", (x.at(b.From)+x.at(b.To))/2, foot-h-3, percent(share))
		}
	}
	s.line("axis", f.left, foot, f.right, foot)
	for _, t := range []tick{{0, "0"}, {.25, ".25"}, {.5, ".5"}, {.75, ".75"}, {1, "1"}} {
		s.text("mark", "middle", x.at(t.at), foot+15, t.name)
	}
	s.text("name", "middle", (f.left+f.right)/2, foot+31, "stated confidence; below, the share of labels")
	return s.svg()
}

// deferralSays is what the picture of deferral shows.
func deferralSays(d *judge.Deferral) string {
	if d.Idle() {
		return fmt.Sprintf("Leaving flows of %s to %s gains nothing here: the best choice of them is no better than chance", d.First, d.Last)
	}
	return fmt.Sprintf("The uncertainty of %s has %s of the oracle's gain over chance", d.First, words.Percent(d.Gain))
}

// whole is a share in percent, which is 100 only where it is all.
func whole(share float64) string {
	if share < 1 && share >= .995 {
		return fmt.Sprintf("%.1f%%", min(99.9, 100*share))
	}
	return fmt.Sprintf("%.0f%%", 100*share)
}

func percent(share float64) string {
	if share < .0995 {
		return fmt.Sprintf("%.1f%%", 100*share)
	}
	return fmt.Sprintf("%.0f%%", 100*share)
}
