package page

import (
	"fmt"
	"html/template"
	"slices"

	"github.com/serveflow/serveflow/workbench/judge"
	"github.com/serveflow/serveflow/workbench/words"
)

// spread draws how the waits of each class are spread, those that wait longest first.
func spread(all []judge.Spread) template.HTML {
	const row = 21.
	sorted := bySpread(all)
	longest := 100.
	for _, b := range sorted {
		longest = max(longest, b.P90)
	}
	f := frame{left: 108, right: wide - 12, top: 26}
	f.bottom = f.top + row*float64(len(sorted))
	s := scene{height: f.bottom + 40, about: "Waits from the first packet to the label, by class: 10th to 90th percentile, quartiles and median"}
	xs := waitTicks(longest)
	x := axis{from: 0, to: xs[len(xs)-1].at, start: f.left + 6, end: f.right, log: true}
	for i, t := range xs {
		s.line("grid", x.at(t.at), f.top, x.at(t.at), f.bottom)
		s.text("mark", []string{"middle", "end"}[b2i(i == len(xs)-1)], x.at(t.at), f.bottom+15, t.name)
	}
	s.line("soon", x.at(16), f.top-6, x.at(16), f.bottom)
	s.text("mark", "middle", x.at(16), f.top-10, "16 ms")
	for i, b := range sorted {
		y := f.top + row*(float64(i)+.5)
		s.text("class", "end", f.left-6, y+4, shorten(b.Class, 15))
		s.line("whisker", x.at(b.P10), y, x.at(b.P90), y)
		s.line("whisker", x.at(b.P90), y-4, x.at(b.P90), y+4)
		s.rect("box", x.at(b.P25), y-6, x.at(b.P75)-x.at(b.P25), 12)
		s.dot("median", x.at(b.P50), y, 4.5)
	}
	s.line("axis", f.left, f.bottom, f.right, f.bottom)
	s.text("name", "end", f.right, f.bottom+31, "dot: median; box: quartiles; line: 10th to 90th percentile")
	return s.svg()
}

// bySpread has the classes that wait longest first.
func bySpread(all []judge.Spread) []judge.Spread {
	return slices.SortedStableFunc(slices.Values(all), func(a, b judge.Spread) int {
		for _, d := range []float64{b.P90 - a.P90, b.P75 - a.P75} {
			if d != 0 {
				return []int{-1, 1}[b2i(d > 0)]
			}
		}
		return 0
	})
}

// boxesSay is what the picture shows.
func boxesSay(all []judge.Spread) string {
	sorted := bySpread(all)
	at := 0
	for _, b := range all {
		at += b2i(b.P50 < 16)
	}
	return fmt.Sprintf("Half of the flows have their label within 16 ms in %d of %d classes; %s waits longest, %s at the 90th percentile",
		at, len(all), sorted[0].Class, words.Wait(sorted[0].P90))
}

func shorten(name string, most int) string { return words.Short(name, most) }
