package page

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// wide is the width of each picture in its own units, which are about pixels on a phone: so its
// text can be read there, and grows with the picture elsewhere.
const wide = 360

// scene is a picture that is being drawn as SVG. What it draws has classes, and the page's style
// has their colours.
type scene struct {
	height float64
	about  string // for who cannot see it
	body   strings.Builder
}

// frame is the part of a picture that has the axes: its edges.
type frame struct{ left, right, top, bottom float64 }

// axis maps values to places in a picture.
type axis struct {
	from, to   float64 // values
	start, end float64 // places
	log        bool    // of milliseconds, by the logarithm of 1 more, so that 0 has a place
}

// at is the place of a value.
func (a axis) at(x float64) float64 {
	lo, hi := a.from, a.to
	if a.log {
		x, lo, hi = math.Log1p(x), math.Log1p(lo), math.Log1p(hi)
	}
	if hi == lo {
		return a.start
	}
	return a.start + (a.end-a.start)*min(max((x-lo)/(hi-lo), 0), 1)
}

func (s *scene) add(format string, args ...any) { fmt.Fprintf(&s.body, format+"\n", args...) }

func (s *scene) line(class string, x1, y1, x2, y2 float64) {
	s.add(`<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, class, x1, y1, x2, y2)
}

func (s *scene) rect(class string, x, y, w, h float64) {
	s.add(`<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, class, x, y, max(w, 0), max(h, 0))
}

func (s *scene) dot(class string, x, y, r float64) {
	s.add(`<circle class="%s" cx="%.1f" cy="%.1f" r="%.1f"/>`, class, x, y, r)
}

// text writes words; anchor is start, middle or end.
func (s *scene) text(class, anchor string, x, y float64, words string) {
	s.add(`<text class="%s" text-anchor="%s" x="%.1f" y="%.1f">%s</text>`, class, anchor, x, y, html.EscapeString(words))
}

// path joins points. closed: it is an area.
func (s *scene) path(class string, points [][2]float64, closed bool) {
	var d strings.Builder
	for i, p := range points {
		d.WriteString([]string{"L", "M"}[b2i(i == 0)])
		fmt.Fprintf(&d, "%.1f %.1f", p[0], p[1])
	}
	if closed {
		d.WriteString("Z")
	}
	s.add(`<path class="%s" d="%s"/>`, class, d.String())
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// svg is the whole picture.
func (s *scene) svg() template.HTML {
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 %d %.0f" role="img" aria-label="%s">`, wide, s.height, html.EscapeString(s.about)) + "\n" + s.body.String() + "</svg>")
}

// tick is a mark of an axis.
type tick struct {
	at   float64
	name string
}

// waitTicks are the marks of an axis of waits up to most.
func waitTicks(most float64) []tick {
	all := []tick{{0, "0"}, {10, "10 ms"}, {100, "100 ms"}, {1000, "1 s"}, {10_000, "10 s"}, {100_000, "100 s"}, {1e6, "1000 s"}}
	n := 4
	for n < len(all) && all[n-1].at < most {
		n++
	}
	return all[:n]
}

// fractionTicks are about five marks from one fraction to another.
func fractionTicks(from, to float64) (all []tick) {
	step := .2
	for _, s := range []float64{.005, .01, .02, .05, .1, .2} {
		if (to-from)/s <= 6 {
			step = s
			break
		}
	}
	for k := math.Ceil(from/step - 1e-9); k*step <= to+1e-9; k++ {
		name := strings.TrimPrefix(fmt.Sprintf("%.*f", 2+b2i(step < .01), k*step), "0")
		all = append(all, tick{k * step, name})
	}
	return all
}

// percentTicks are the marks of an axis of shares.
func percentTicks() []tick {
	return []tick{{0, "0"}, {.25, "25%"}, {.5, "50%"}, {.75, "75%"}, {1, "100%"}}
}

// axes draws the grid, its marks and what the axes mean.
func (s *scene) axes(f frame, x, y axis, xs, ys []tick, xName, yName string) {
	for _, t := range ys {
		s.line("grid", f.left, y.at(t.at), f.right, y.at(t.at))
		s.text("mark", "end", f.left-6, y.at(t.at)+4, t.name)
	}
	for i, t := range xs {
		s.line("grid", x.at(t.at), f.top, x.at(t.at), f.bottom)
		anchor := "middle"
		if i == len(xs)-1 && x.at(t.at) > wide-24 {
			anchor = "end"
		}
		s.text("mark", anchor, x.at(t.at), f.bottom+15, t.name)
	}
	s.line("axis", f.left, f.bottom, f.right, f.bottom)
	s.text("name", "middle", (f.left+f.right)/2, f.bottom+31, xName)
	s.text("name", "start", 2, f.top-8, yName)
}
