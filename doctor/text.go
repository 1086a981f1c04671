package doctor

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// WriteText writes the report for people: a block for each finding, then a summary.
func (r *Report) WriteText(w io.Writer) error {
	out := bufio.NewWriter(w)
	for _, f := range r.Findings {
		fmt.Fprintf(out, "%-5s  %s  [%s]\n", strings.ToUpper(string(f.Severity)), f.Title, f.ID)
		for _, line := range f.Evidence {
			fmt.Fprintf(out, "       seen:   %s\n", line)
		}
		fmt.Fprintf(out, "       remedy: %s\n\n", f.Remedy)
	}
	fmt.Fprintln(out, r.summary())
	return out.Flush()
}

func (r *Report) summary() string {
	switch {
	case !r.Looked:
		return "could not look: " + r.Counts()
	case r.Well():
		return "all well: " + r.Counts() + "; " + r.looked()
	}
	return r.Counts() + "; " + r.looked()
}

// looked says how many listeners, records and partitions were examined.
func (r *Report) looked() string {
	text := "looked at " + plural(len(r.Brokers), "listener")
	var releases []string
	for _, b := range r.Brokers {
		if b.Release != "" && !slices.Contains(releases, b.Release) {
			releases = append(releases, b.Release)
		}
	}
	if len(releases) > 0 {
		text += " (Kafka " + strings.Join(releases, ", ") + ")"
	}
	return fmt.Sprintf("%s and %s on %s of %s", text, plural(r.Records, "record"), plural(r.Partitions, "partition"), r.Topic)
}
