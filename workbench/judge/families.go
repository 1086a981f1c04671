package judge

import "slices"

// ByFamily is the same sample with each class replaced by its family: in what flows are and in
// what they were called. A class of no family stands for itself, and confidences stay those of
// classes. A bundle without families gives the sample itself.
func (s *Sample) ByFamily() *Sample {
	if s.FamilyOf == nil {
		return s
	}
	own := *s
	own.Classes, own.FamilyOf = nil, nil
	for _, class := range s.Classes {
		own.Classes = append(own.Classes, s.FamilyOf[class])
	}
	slices.Sort(own.Classes)
	own.Classes = slices.Compact(own.Classes)
	of := func(class int, name string) (int, string) {
		if class < 0 {
			return class, name
		}
		family := s.FamilyOf[s.Classes[class]]
		return place(own.Classes, family), family
	}
	own.Cases = slices.Clone(s.Cases)
	for i := range own.Cases {
		c := &own.Cases[i]
		c.Class, c.Truth = of(c.Class, c.Truth)
		if c.Answered {
			c.Answer.Class, c.Answer.Label = of(c.Answer.Class, c.Answer.Label)
		}
	}
	return &own
}

// FamilyDoubts are, of the answers that are drawn and whose best class is of a family, 1 less the
// family's probability, ascending.
func (s *Sample) FamilyDoubts(family string, d Drawn) []float64 {
	var all []float64
	for i := range s.Cases {
		a := &s.Cases[i].Answer
		if s.Cases[i].Answered && a.Family.Label == family && d.Has(s.drawnAs(i)) {
			all = append(all, 1-a.Family.P)
		}
	}
	slices.Sort(all)
	return all
}
