package judge

import (
	"cmp"
	"math"
	"slices"
)

// confusion counts flows by what they are and what they were called: rows are classes that a
// flow can be; columns are the same, and then unknown and no label.
type confusion struct {
	classes int
	n       []float64
}

func newConfusion(classes int) *confusion {
	return &confusion{classes: classes, n: make([]float64, classes*(classes+2))}
}

// cell is the number of flows of a class that were called something.
func (c *confusion) cell(class, called int) *float64 { return &c.n[class*(c.classes+2)+called] }

// clear empties it.
func (c *confusion) clear() { clear(c.n) }

// due is how many flows are of the class, said how many were called so, hit how many are both.
func (c *confusion) of(class int) (due, said, hit float64) {
	for k := range c.classes + 2 {
		due += *c.cell(class, k)
	}
	for k := range c.classes {
		said += *c.cell(k, class)
	}
	return due, said, *c.cell(class, class)
}

// f1 is that of a class.
func f1(due, said, hit float64) float64 { return ratio(2*hit, said+due) }

// macroF1 is the plain mean over the classes that occur.
func (c *confusion) macroF1() float64 {
	var sum, occur float64
	for class := range c.classes {
		if due, said, hit := c.of(class); due > 0 {
			sum += f1(due, said, hit)
			occur++
		}
	}
	return ratio(sum, occur)
}

// overall gives accuracy, macro-F1, weighted F1, and the shares called unknown and without a label.
func (c *confusion) overall() (all [5]float64) {
	var total, right, weighted, unknown, none float64
	for class := range c.classes {
		due, said, hit := c.of(class)
		total, right, weighted = total+due, right+hit, weighted+due*f1(due, said, hit)
		unknown, none = unknown+*c.cell(class, c.classes), none+*c.cell(class, c.classes+1)
	}
	return [5]float64{ratio(right, total), c.macroF1(), ratio(weighted, total), ratio(unknown, total), ratio(none, total)}
}

// cells are the flows of a confusion, counted by unit, so that a draw need not go through all flows.
type cells struct {
	classes int
	all     []cell
}

type cell struct{ unit, class, called, n int }

// newCells counts the known flows of a class. of gives what a flow is and was called.
func newCells(classes int, cases []Case, of func(c *Case) (class, called int)) cells {
	var all []cell
	for i := range cases {
		if class, called := of(&cases[i]); class >= 0 {
			all = append(all, cell{cases[i].unit, class, called, 1})
		}
	}
	slices.SortFunc(all, func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.unit, b.unit), cmp.Compare(a.class, b.class), cmp.Compare(a.called, b.called))
	})
	merged := all[:0]
	for _, c := range all {
		if k := len(merged) - 1; k >= 0 && merged[k].unit == c.unit && merged[k].class == c.class && merged[k].called == c.called {
			merged[k].n++
			continue
		}
		merged = append(merged, c)
	}
	return cells{classes, merged}
}

// confusion is that of a draw, in m.
func (c cells) confusion(w weights, m *confusion) {
	m.clear()
	for _, of := range c.all {
		*m.cell(of.class, of.called) += float64(int(w[of.unit]) * of.n)
	}
}

// called is the column of what a flow was called.
func called(c *Case, classes int) int {
	switch {
	case !c.Answered:
		return classes + 1
	case c.Answer.Class < 0:
		return classes
	}
	return c.Answer.Class
}

// nan where a class does not occur in a draw.
func where(occurs bool, x float64) float64 {
	if !occurs {
		return math.NaN()
	}
	return x
}
