package load

import (
	"fmt"
	"html"
	"strings"
)

const (
	width, left, right  = 900, 60, 16
	panelHeight, panels = 170, 3
	top, gap, bottom    = 64, 34, 40
)

// panel is one of the picture's parts, with an axis of its own.
type panel struct {
	title    string
	from, to float64
	step     float64
	format   string // of the axis's numbers
}

// plot is the picture: delay, deferral and accuracy over time.
type plot struct {
	caption string
	parts   []string
	names   int
}

func newPlot(caption string) *plot { return &plot{caption: caption} }

func axes() [panels]panel {
	return [panels]panel{
		{"wait in the queue and in the batch of the slow stage, p99 (s)", 0, .8, .2, "%.1f"},
		{"share of labels that are the slow stage's", 0, .5, .1, "%.1f"},
		{"macro-F1 of the flows opened in the phase", .75, 1, .05, "%.2f"},
	}
}

func x(share float64) float64 { return left + share*(width-left-right) }

func (p panel) y(n int, value float64) float64 {
	value = min(max(value, p.from), p.to)
	return float64(top+n*(panelHeight+gap)) + (p.to-value)/(p.to-p.from)*panelHeight
}

// add draws one policy. The first two have a value for each bin, f1 one for each phase.
func (p *plot) add(name string, p99, deferral, f1 []float64) {
	colour := []string{"#0072b2", "#d55e00", "#009e73"}[p.names]
	at := axes()
	for n, values := range [][]float64{p99, deferral} {
		p.line(colour, len(values), func(i int) (float64, float64) {
			return x((float64(i) + .5) / float64(len(values))), at[n].y(n, values[i])
		})
	}
	var from float64
	var steps [][2]float64
	for i, phase := range schedule() {
		to := from + phase.last.Seconds()/length().Seconds()
		y := at[2].y(2, f1[i])
		steps = append(steps, [2]float64{x(from), y}, [2]float64{x(to), y})
		from = to
	}
	p.line(colour, len(steps), func(i int) (float64, float64) { return steps[i][0], steps[i][1] })
	legend := left + 240*p.names
	p.draw(`<path d="M%d,38h20" stroke="%s" stroke-width="2"/><text x="%d" y="42">%s</text>`, legend, colour, legend+26, html.EscapeString(name))
	p.names++
}

func (p *plot) line(colour string, n int, point func(int) (x, y float64)) {
	var points []string
	for i := range n {
		x, y := point(i)
		points = append(points, fmt.Sprintf("%.1f,%.1f", x, y))
	}
	p.draw(`<polyline points="%s" fill="none" stroke="%s" stroke-width="1.6"/>`, strings.Join(points, " "), colour)
}

func (p *plot) draw(format string, values ...any) {
	p.parts = append(p.parts, fmt.Sprintf(format, values...))
}

// background draws the axes, the phases and the objective.
func background() []string {
	p := &plot{}
	for n, a := range axes() {
		foot := a.y(n, a.from)
		p.draw(`<text x="%d" y="%.1f" font-weight="bold">%s</text>`, left, a.y(n, a.to)-6, a.title)
		for value := a.from; value <= a.to+1e-9; value += a.step {
			p.draw(`<path d="M%d,%.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">`+a.format+`</text>`, left, a.y(n, value), width-right, left-6, a.y(n, value)+4, value)
		}
		var from float64
		for _, phase := range schedule() {
			to := from + phase.last.Seconds()/length().Seconds()
			if phase.load > 1 {
				p.draw(`<rect x="%.1f" y="%.1f" width="%.1f" height="%d" fill="#000" opacity=".05"/>`, x(from), a.y(n, a.to), x(to)-x(from), panelHeight)
			}
			if n == panels-1 {
				p.draw(`<text x="%.1f" y="%.1f" text-anchor="middle">%g times, %g s</text>`, (x(from)+x(to))/2, foot+16, phase.load, phase.last.Seconds())
			}
			from = to
		}
	}
	y := axes()[0].y(0, objective.Seconds())
	p.draw(`<path d="M%d,%.1fH%d" stroke="#000" stroke-dasharray="4 3"/><text x="%d" y="%.1f" text-anchor="end">objective</text>`, left, y, width-right, width-right-4, y-4)
	return p.parts
}

func (p *plot) svg() string {
	height := top + panels*(panelHeight+gap) + bottom
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">
<rect width="%d" height="%d" fill="white"/>
<text x="%d" y="20">%s</text>
%s
%s
</svg>
`, width, height, width, height, left, html.EscapeString(p.caption), strings.Join(background(), "\n"), strings.Join(p.parts, "\n"))
}
