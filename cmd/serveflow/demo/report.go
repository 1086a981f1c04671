package demo

import (
	"fmt"
	"io"
	"sort"
	"text/tabwriter"
)

// Write prints the summary for people.
func (s Summary) Write(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(out, "\n%d flows, %d labelled by the cascade, %d without a label\n\n", s.Flows, s.Labels, s.Unlabelled)
	fmt.Fprintln(w, "\tcascade\tslow model alone\t")
	both := func(name, format string, a, b any) {
		fmt.Fprintf(w, "%s\t"+format+"\t"+format+"\t\n", name, a, b)
	}
	a, b := s.Cascade, s.SlowOnly
	both("first packet to label, p50", "%.1f ms", a.Latency.P50, b.Latency.P50)
	both("p90", "%.1f ms", a.Latency.P90, b.Latency.P90)
	both("p99", "%.1f ms", a.Latency.P99, b.Latency.P99)
	both("labelled within 16 ms", "%.1f%%", 100*a.Under16ms, 100*b.Under16ms)
	both("decided by timeout", "%d flows", a.ByTimeout, b.ByTimeout)
	both("accuracy", "%.1f%%", 100*a.Accuracy, 100*b.Accuracy)
	both("macro-F1", "%.3f", a.MacroF1, b.MacroF1)
	both("flows with a known label", "%d", a.Known, b.Known)
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nspeed-up at the median: %.1fx\n", s.SpeedupP50)
	if s.Speed != 1 {
		fmt.Fprintf(out, "replayed at %gx the recorded pace: waits between packets are that much shorter\n", s.Speed)
	}
	fmt.Fprint(out, "decided by stage:")
	for _, stage := range s.stages() {
		fmt.Fprintf(out, "   %s %.1f%%", stage, 100*s.ByStage[stage])
	}
	_, err := fmt.Fprintln(out)
	return err
}

// stages are the stages' names, the busiest first.
func (s Summary) stages() []string {
	names := make([]string, 0, len(s.ByStage))
	for name := range s.ByStage {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool { return s.ByStage[names[i]] > s.ByStage[names[j]] })
	return names
}
