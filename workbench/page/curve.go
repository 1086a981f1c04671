package page

import (
	"fmt"
	"html/template"
	"io"
	"math"

	"github.com/serveflow/serveflow/workbench/calibrate"
	"github.com/serveflow/serveflow/workbench/words"
)

// Curve is what the page of a calibration shows.
type Curve struct {
	Bundle  string // as it was
	Version string // as it is now
	Asked   string // the target, as it was given
	Target  calibrate.Target
	Choice  *calibrate.Choice
	Sure    float64 // share of draws in which the promise was to be kept
	Flows   int
	Of      int // captures
	Stages  []Changed

	ByFamily bool      // each class counted as its family
	Families []Changed // where families counted
}

// Changed is a stage, or a family, with its rules in words.
type Changed struct{ Name, Before, After string }

// Quality is what macro-F1 is of, in words.
func (c Curve) Quality() string {
	if c.ByFamily {
		return "macro-F1 of families"
	}
	return "macro-F1"
}

// WriteCurve writes the page of a calibration.
func WriteCurve(w io.Writer, c Curve) error {
	all, err := parsed("curve.html")
	if err != nil {
		return err
	}
	shown := struct {
		C     Curve
		Title string
		Drawn template.HTML
	}{c, c.title(), c.draw()}
	if err := all.Execute(w, shown); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	return nil
}

// title says what came of the choice.
func (c Curve) title() string {
	before, after := c.Choice.Before, c.Choice.After
	if c.Target.Kind == calibrate.Defer {
		return fmt.Sprintf("%.1f%% of flows need the last stage, not %.1f%%, at %s %.3f, not %.3f", 100*after.Score.Last, 100*before.Score.Last, c.Quality(), after.Score.MacroF1, before.Score.MacroF1)
	}
	return fmt.Sprintf("%.1f%% of labels within %s, not %.1f%%, at %s %.3f, not %.3f", 100*after.Score.Soon, soon(c.Target), 100*before.Score.Soon, c.Quality(), after.Score.MacroF1, before.Score.MacroF1)
}

// draw draws macro-F1 against what the target buys with it.
func (c Curve) draw() template.HTML {
	name, share := "share of labels within "+soon(c.Target), func(p calibrate.Spot) float64 { return p.Within }
	if c.Target.Kind == calibrate.Defer {
		name, share = "share of flows that need the last stage", func(p calibrate.Spot) float64 { return p.Last }
	}
	spot := func(r calibrate.Result) calibrate.Spot {
		return calibrate.Spot{MacroF1: r.Score.MacroF1, Within: r.Score.Soon, Last: r.Score.Last}
	}
	before, after, alone := spot(c.Choice.Before), spot(c.Choice.After), spot(c.Choice.Alone)
	// What lies far below the three that are named is no choice, and would only make the rest small.
	bottom, top := min(before.MacroF1, after.MacroF1, alone.MacroF1)-.03, max(before.MacroF1, after.MacroF1, alone.MacroF1)
	left, right := min(share(before), share(after)), max(share(before), share(after))
	for _, p := range c.Choice.Front {
		if top = max(top, p.MacroF1); p.MacroF1 >= bottom {
			left, right = min(left, share(p)), max(right, share(p))
		}
	}
	s := scene{height: 300, about: "Macro-F1 against " + name + ", of all choices that were tried"}
	f := frame{left: 40, right: wide - 12, top: 26, bottom: 256}
	pad := max(.02, (right-left)/4)
	x := axis{from: max(0, left-pad), to: min(1, right+pad), start: f.left, end: f.right}
	y := axis{from: max(0, bottom), to: min(1, top+.006), start: f.bottom, end: f.top}
	s.axes(f, x, y, shareTicks(x.from, x.to), fractionTicks(y.from, y.to), name, c.Quality())
	for _, p := range c.Choice.Others {
		if p.MacroF1 >= y.from && share(p) >= x.from && share(p) <= x.to {
			s.dot("tried", x.at(share(p)), y.at(p.MacroF1), 1.6)
		}
	}
	var front [][2]float64
	for _, p := range c.Choice.Front {
		if p.MacroF1 < y.from {
			continue
		}
		front = append(front, [2]float64{x.at(share(p)), y.at(p.MacroF1)})
	}
	s.path("curve rule", front, false)
	s.line("ideal", f.left, y.at(alone.MacroF1), f.right, y.at(alone.MacroF1))
	s.text("mark", "end", f.right-2, y.at(alone.MacroF1)-5, "the last stage alone")
	mark := func(class, words string, p calibrate.Spot, leftmost bool) {
		at, high := x.at(share(p)), y.at(p.MacroF1)
		s.add(`<path class="%s" d="M%.1f %.1fl6 6l-6 6l-6 -6z"/>`, class, at, high-6)
		if leftmost {
			s.text("label", "end", at-10, high+14, words)
			return
		}
		s.text("label", "start", at+10, high-4, words)
	}
	mark("before", "before", before, share(before) <= share(after))
	mark("here", "chosen", after, share(before) > share(after))
	return s.svg()
}

// soon is the time within which labels are in time.
func soon(t calibrate.Target) string { return words.Wait(float64(t.Soon.Microseconds()) / 1000) }

// shareTicks are about five marks of a part of an axis of shares.
func shareTicks(from, to float64) (all []tick) {
	step := .2
	for _, s := range []float64{.01, .02, .05, .1} {
		if (to-from)/s <= 6 {
			step = s
			break
		}
	}
	for k := math.Ceil(from/step - 1e-9); k*step <= to+1e-9; k++ {
		all = append(all, tick{k * step, fmt.Sprintf("%.0f%%", 100*k*step)})
	}
	return all
}
