package faults

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// row is one line of the table: a fault, what is to be, what was seen.
type row struct {
	fault, target string
	tally         *tally
	notes         []string
	met           string
}

// saw adds words on what was seen, for what the columns do not show.
func (r *row) saw(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// table is what all rows saw, in the order in which they began.
type table struct {
	mu  sync.Mutex
	all []*row
}

// run runs one row as a subtest: it is met where the subtest does not fail.
func run(t *testing.T, fault, target string, do func(t *testing.T, r *row)) {
	t.Run(strings.NewReplacer(" ", "_", "/", "-", ",", "").Replace(fault), func(t *testing.T) {
		r := &row{fault: fault, target: target, met: "did not end"}
		rows.add(r)
		t.Cleanup(func() {
			switch {
			case t.Failed():
				r.met = "**no**"
			case t.Skipped():
				r.met = "skipped"
			default:
				r.met = "yes"
			}
		})
		do(t, r)
	})
}

func (b *table) add(r *row) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, r)
}

// markdown is the table; empty without rows.
func (b *table) markdown() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.all) == 0 {
		return ""
	}
	var s strings.Builder
	s.WriteString("| fault | flows | lost | duplicates | equal | order | commits | longest wait | memory | seen | target | met |\n")
	s.WriteString("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, r := range b.all {
		seen := strings.NewReplacer("\n", ", ", "|", "/").Replace(strings.Join(r.notes, "; "))
		fmt.Fprintf(&s, "| %s | %s | %s | %s | %s |\n", r.fault, strings.Join(r.tally.cells(), " | "), seen, r.target, r.met)
	}
	return s.String()
}

// cells are the columns from flows to memory.
func (y *tally) cells() []string {
	if y == nil {
		return make([]string, 8)
	}
	equal, order, commits := "all", "good", "good"
	if n := y.unequal + y.differ; n > 0 {
		equal = fmt.Sprintf("**%d not**", n)
	}
	if y.late > 0 {
		order = fmt.Sprintf("**%d wrong**", y.late)
	}
	if y.above+y.back > 0 {
		commits = fmt.Sprintf("**%d above, %d back**", y.above, y.back)
	}
	return []string{fmt.Sprint(y.flows), fmt.Sprint(y.lost), fmt.Sprintf("%.2f%%", 100*y.duplicateShare()),
		equal, order, commits, y.wait.Round(100 * time.Millisecond).String(), fmt.Sprintf("%d MiB", y.memory>>20)}
}
