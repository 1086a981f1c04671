package judge

import "slices"

// Quality says how right the labels are, over the known flows whose label is a class. A flow
// that has no label, or is called unknown, counts as wrong.
type Quality struct {
	Accuracy   Figure  `json:"accuracy"`
	MacroF1    Figure  `json:"macro_f1"`
	WeightedF1 Figure  `json:"weighted_f1"`
	Unknown    Figure  `json:"unknown"`    // share called unknown
	Unlabelled Figure  `json:"unlabelled"` // share without a label
	Classes    []Class `json:"classes"`    // that occur, by name
	// Confusion has a row for each of Classes: the flows that were called each of Columns.
	Columns   []string `json:"columns"`
	Confusion [][]int  `json:"confusion"`
}

// Class says how right the labels are for one class.
type Class struct {
	Name      string `json:"name"`
	Support   int    `json:"support"`
	Precision Figure `json:"precision"`
	Recall    Figure `json:"recall"`
	F1        Figure `json:"f1"`
}

// Names of the columns of a confusion beside the classes.
const (
	calledUnknown = "unknown"
	calledNothing = "no label"
)

// quality computes the figures of cells, whose classes have names.
func (d draws) quality(c cells, names []string) Quality {
	n := len(names)
	m := newConfusion(n)
	all := d.figures(5+3*n, func(w weights, out []float64) {
		c.confusion(w, m)
		overall := m.overall()
		copy(out, overall[:])
		for class := range n {
			due, said, hit := m.of(class)
			out[5+3*class] = where(due+said > 0, ratio(hit, said))
			out[6+3*class] = where(due > 0, ratio(hit, due))
			out[7+3*class] = where(due > 0, f1(due, said, hit))
		}
	})
	q := Quality{Accuracy: all[0], MacroF1: all[1], WeightedF1: all[2], Unknown: all[3], Unlabelled: all[4]}
	c.confusion(d[0], m)
	for class, name := range names {
		if due, _, _ := m.of(class); due > 0 {
			q.Classes = append(q.Classes, Class{name, int(due), all[5+3*class], all[6+3*class], all[7+3*class]})
		}
	}
	q.Columns, q.Confusion = m.table(names)
	return q
}

// table gives the rows of the classes that occur, and the columns of what flows can be called:
// those classes, others that some were called, unknown and nothing where that happened.
func (c *confusion) table(names []string) (columns []string, rows [][]int) {
	columns, at := []string{}, []int{}
	for k, name := range slices.Concat(names, []string{calledUnknown, calledNothing}) {
		var due, said float64
		if k < len(names) {
			due, _, _ = c.of(k)
		}
		for class := range names {
			said += *c.cell(class, k)
		}
		if due+said > 0 {
			columns, at = append(columns, name), append(at, k)
		}
	}
	for class := range names {
		if due, _, _ := c.of(class); due == 0 {
			continue
		}
		row := make([]int, len(at))
		for i, k := range at {
			row[i] = int(*c.cell(class, k))
		}
		rows = append(rows, row)
	}
	return columns, rows
}

// cells counts the sample's flows by class.
func (s *Sample) cells() cells {
	return newCells(len(s.Classes), s.known(), func(c *Case) (int, int) { return c.Class, called(c, len(s.Classes)) })
}
