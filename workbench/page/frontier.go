package page

import (
	"fmt"
	"html/template"
	"math"

	"github.com/serveflow/serveflow/workbench/judge"
	"github.com/serveflow/serveflow/workbench/words"
)

// way is a way to label all flows: the cascade, or one stage alone.
type way struct {
	name, class string
	f1          judge.Figure
	wait        judge.Waits
}

func ways(r *judge.Report) []way {
	all := []way{{"cascade", "main", r.Quality.MacroF1, r.WaitKnown}}
	for _, a := range r.Alone {
		all = append(all, way{a.Stage + " alone", "other", a.MacroF1, a.Wait})
	}
	return all
}

// frontier draws macro-F1 against the wait: for each way a line from the median to the 90th
// percentile, and the interval of macro-F1 at its end.
func frontier(r *judge.Report) template.HTML {
	all := ways(r)
	bottom, top, longest := 1., 0., 100.
	for _, w := range all {
		bottom, top, longest = min(bottom, w.f1.Low), max(top, w.f1.High), max(longest, w.wait.P90.Value)
	}
	pad := max(.01, (top-bottom)/12)
	s := scene{height: 290, about: "Macro-F1 against the wait from a flow's first packet to its label, of the cascade and of each stage alone"}
	f := frame{left: 40, right: wide - 12, top: 26, bottom: 246}
	xs := waitTicks(longest)
	x := axis{from: 0, to: xs[len(xs)-1].at, start: f.left + 6, end: f.right, log: true}
	y := axis{from: max(0, bottom-pad), to: min(1, top+pad), start: f.bottom, end: f.top}
	s.axes(f, x, y, xs, fractionTicks(y.from, y.to), "wait, from the median (ring) to the 90th percentile (dot)", "macro-F1")
	s.line("soon", x.at(16), f.top, x.at(16), f.bottom)
	s.text("mark", "start", x.at(16)+4, f.bottom-6, "16 ms")
	taken := taken(all, x, y)
	for i := len(all) - 1; i >= 0; i-- { // the cascade last, on top
		w := all[i]
		p50, p90, at := x.at(w.wait.P50.Value), x.at(w.wait.P90.Value), y.at(w.f1.Value)
		s.line("bar "+w.class, p90, y.at(w.f1.Low), p90, y.at(w.f1.High))
		s.line("reach "+w.class, p50, at, p90, at)
		s.dot("ring "+w.class, p50, at, 4)
		s.dot("dot "+w.class, p90, at, 4.5)
	}
	for i := len(all) - 1; i >= 0; i-- {
		w := all[i]
		right, anchor := x.at(w.wait.P90.Value)-8, "end"
		left := right - 6.3*float64(len(w.name))
		if left < f.left {
			left, right, anchor = right+16, right+16+right-left, "start"
		}
		at := y.at(w.f1.Value)
		room := taken.freest(left, right, at-9, at+17, at-22, at+30)
		taken = append(taken, box{left, right, room - 9, room + 2})
		s.text("label "+w.class, anchor, map[string]float64{"end": right, "start": left}[anchor], room, w.name)
	}
	return s.svg()
}

// box is a part of a picture that something lies in.
type box struct{ left, right, top, bottom float64 }

type boxes []box

// taken are the boxes of the lines and points.
func taken(all []way, x, y axis) (out boxes) {
	for _, w := range all {
		p50, p90, at := x.at(w.wait.P50.Value), x.at(w.wait.P90.Value), y.at(w.f1.Value)
		out = append(out, box{p50 - 5, p90 + 5, at - 5, at + 5}, box{p90 - 1, p90 + 1, y.at(w.f1.High), y.at(w.f1.Low)})
	}
	return out
}

// freest is the base line, of several, on which text from left to right covers least.
func (b boxes) freest(left, right float64, lines ...float64) (best float64) {
	fewest := math.Inf(1)
	for _, line := range lines {
		covered := 0.
		for _, t := range b {
			if t.left < right && left < t.right && t.top < line+2 && line-9 < t.bottom {
				covered++
			}
		}
		if covered < fewest {
			best, fewest = line, covered
		}
	}
	return best
}

// frontierSays is what the picture shows.
func frontierSays(r *judge.Report) string {
	if len(r.Alone) == 0 {
		return fmt.Sprintf("90%% of known flows' labels come within %s, at macro-F1 %.3f", words.Wait(r.WaitKnown.P90.Value), r.Quality.MacroF1.Value)
	}
	last := r.Alone[len(r.Alone)-1]
	loss := 100 * last.Less.Value
	how := fmt.Sprintf("its macro-F1 is %.1f points higher", loss)
	switch {
	case math.Abs(loss) < .05 && last.Less.Low == last.Less.High:
		how = "its macro-F1 is the same"
	case last.Less.Low <= 0 && last.Less.High >= 0:
		how = fmt.Sprintf("in macro-F1 these %ss show no difference", r.Flows.DrawnBy)
	case loss < 0:
		how = fmt.Sprintf("its macro-F1 is %.1f points lower", -loss)
	}
	return fmt.Sprintf("The cascade gives %s of known flows' labels within 16 ms, %s alone %s; %s", whole(r.WaitKnown.Under.Value), last.Stage, whole(last.Wait.Under.Value), how)
}
