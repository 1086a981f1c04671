package faults

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// row is one line of the table.
type row struct {
	fault  string
	target string // what must hold
	result *result
	notes  []string // observations that no column shows
	met    string   // whether the target is met
}

// note adds an observation to the row.
func (r *row) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// table holds all rows, in the order in which they began.
type table struct {
	mu  sync.Mutex
	all []*row
}

// run runs one row as a subtest. Its target is met where the subtest does not fail.
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

// markdown formats the table; empty without rows.
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
		fmt.Fprintf(&s, "| %s | %s | %s | %s | %s |\n", r.fault, strings.Join(r.result.cells(), " | "), seen, r.target, r.met)
	}
	return s.String()
}

// cells returns the columns from flows to memory.
func (res *result) cells() []string {
	if res == nil {
		return make([]string, 8)
	}
	equal, order, commits := "all", "good", "good"
	if n := res.unequalDuplicates + res.mismatches; n > 0 {
		equal = fmt.Sprintf("**%d not**", n)
	}
	if res.misordered > 0 {
		order = fmt.Sprintf("**%d wrong**", res.misordered)
	}
	if res.commitsAhead+res.commitsBack > 0 {
		commits = fmt.Sprintf("**%d above, %d back**", res.commitsAhead, res.commitsBack)
	}
	return []string{fmt.Sprint(res.flows), fmt.Sprint(res.lost), fmt.Sprintf("%.2f%%", 100*res.duplicateShare()),
		equal, order, commits, res.maxWait.Round(100 * time.Millisecond).String(), fmt.Sprintf("%d MiB", res.peakMemory>>20)}
}
