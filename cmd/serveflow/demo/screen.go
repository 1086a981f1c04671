package demo

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	"github.com/serveflow/serveflow/cmd/serveflow/labels"
)

// Screen shows labels as they come: a live table on a terminal, plain lines otherwise.
type Screen struct {
	out   io.Writer
	live  bool
	flows int // that will be sent
	rows  []string
	drawn int // lines of the live table now on the terminal
	last  time.Time

	labels  int
	byLabel map[string]int
	byStage map[string]int
}

const (
	liveRows  = 12
	redrawGap = 100 * time.Millisecond
)

// NewScreen builds a screen; live asks for the table that redraws itself.
func NewScreen(out io.Writer, live bool, flows int) *Screen {
	return &Screen{out: out, live: live, flows: flows, byLabel: map[string]int{}, byStage: map[string]int{}}
}

// Show shows one label. It is for one goroutine at a time.
func (s *Screen) Show(l *Label) {
	s.labels++
	s.byLabel[l.Record.Label]++
	s.byStage[l.Record.Stage]++
	row := fmt.Sprintf("%s %9.1f ms", l.Record.Row(), float64(l.Took)/1e6)
	if !s.live {
		if s.labels == 1 {
			fmt.Fprintln(s.out, header())
		}
		fmt.Fprintln(s.out, row)
		return
	}
	s.rows = append(s.rows, row)
	s.rows = s.rows[max(0, len(s.rows)-liveRows):]
	if time.Since(s.last) > redrawGap {
		s.Draw()
	}
}

// header names the columns. The last one is time from the first packet to the label's arrival.
func header() string { return fmt.Sprintf("%s %12s", labels.Columns(), "TOOK") }

// Draw brings the live table up to date; it does nothing otherwise.
func (s *Screen) Draw() {
	if !s.live {
		return
	}
	lines := append([]string{fmt.Sprintf("%d of %d flows labelled   by stage: %s", s.labels, s.flows, counts(s.byStage)),
		"labels: " + counts(s.byLabel), "", header()}, s.rows...)
	if s.drawn > 0 {
		fmt.Fprintf(s.out, "\x1b[%dA", s.drawn) // back up over the last drawing
	}
	for _, line := range lines { // without wrapping: a long line must not upset the count
		fmt.Fprintf(s.out, "\x1b[?7l%s\x1b[K\x1b[?7h\n", line)
	}
	s.drawn, s.last = len(lines), time.Now()
}

// counts lists names with their counts, the most frequent first.
func counts(m map[string]int) string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool {
		return m[names[i]] > m[names[j]] || m[names[i]] == m[names[j]] && names[i] < names[j]
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, m[name])
	}
	return strings.Join(names, ", ")
}
