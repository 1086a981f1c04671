package latency

import (
	"fmt"
	"html"
	"math"
	"strings"
)

const (
	width, height            = 900, 420
	left, right, top, bottom = 60, 16, 88, 46
	earliest, latest         = 1.0, 10_000.0 // milliseconds
)

// picture is the distributions of several outcomes: which share of the flows has its label by then.
type picture struct {
	caption string
	parts   []string
	curves  int
}

func x(ms float64) float64 {
	share := math.Log(min(max(ms, earliest), latest)/earliest) / math.Log(latest/earliest)
	return left + share*(width-left-right)
}

func y(share float64) float64 { return top + (1-share)*(height-top-bottom) }

// add draws an outcome. Those of a row of the legend have the same dash, and each its colour.
func (p *picture) add(name string, o *outcome) {
	column, row := p.curves%3, p.curves/3
	colour := []string{"#0072b2", "#009e73", "#d55e00"}[column]
	dash := []string{"", ` stroke-dasharray="5 3"`}[row%2]
	var points []string
	for share := range 201 {
		points = append(points, fmt.Sprintf("%.1f,%.1f", x(quantile(o.took, float64(share)/200)), y(float64(share)/200)))
	}
	p.draw(`<polyline points="%s" fill="none" stroke="%s" stroke-width="1.6"%s/>`, strings.Join(points, " "), colour, dash)
	at, line := left+220*column, 38+18*row
	p.draw(`<path d="M%d,%dh24" stroke="%s" stroke-width="2"%s/><text x="%d" y="%d">%s</text>`, at, line, colour, dash, at+30, line+4, html.EscapeString(name))
	p.curves++
}

func (p *picture) draw(format string, values ...any) {
	p.parts = append(p.parts, fmt.Sprintf(format, values...))
}

// background draws the axes, and the 16 ms within which the paper counts a flow as served at once.
func background() []string {
	p := &picture{}
	for share := 0.0; share <= 1.001; share += .1 {
		p.draw(`<path d="M%d,%.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.0f%%</text>`, left, y(share), width-right, left-6, y(share)+4, 100*share)
	}
	for decade := earliest; decade <= latest; decade *= 10 {
		for _, times := range []float64{1, 2, 5} {
			if ms := decade * times; ms <= latest {
				p.draw(`<path d="M%.1f,%.1fV%.1f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="middle">%g</text>`, x(ms), y(1), y(0), x(ms), y(0)+16, ms)
			}
		}
	}
	p.draw(`<path d="M%.1f,%.1fV%.1f" stroke="#000" stroke-dasharray="4 3"/><text x="%.1f" y="%.1f">16 ms</text>`, x(16), y(1), y(0), x(16)+4, y(0)-6)
	p.draw(`<text x="%d" y="%d" text-anchor="middle">from a flow's first packet until its label is read (ms, logarithmic)</text>`, (left+width-right)/2, height-10)
	p.draw(`<text x="%d" y="%d">share of the flows</text>`, left, top-8)
	return p.parts
}

// svg has a white ground of its own, so that it can be read on a dark page, too.
func (p *picture) svg() string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">
<rect width="%d" height="%d" fill="white"/>
<text x="%d" y="20">%s</text>
%s
%s
</svg>
`, width, height, width, height, left, html.EscapeString(p.caption), strings.Join(background(), "\n"), strings.Join(p.parts, "\n"))
}
