package calibrate

import (
	"context"
	"slices"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/workbench/judge"
)

// byFamily is the same problem, with each class replaced by its family in all that is judged.
func (p Problem) byFamily() Problem {
	alone, try := p.Alone, p.Try
	p.Alone = nil
	for _, sample := range alone {
		p.Alone = append(p.Alone, sample.ByFamily())
	}
	p.Try = func(ctx context.Context, spec *cascade.Spec) (*judge.Sample, float64, error) {
		sample, cpu, err := try(ctx, spec)
		if err != nil {
			return nil, 0, err
		}
		return sample.ByFamily(), cpu, nil
	}
	return p
}

// familySpace is the threshold of each family: that of the bundle, none, or a quantile of 1 less
// the family's probability, in the answers of the stages that may defer. alone are the stages,
// each alone. It is empty where each answer is final anyway.
func familySpace(spec *cascade.Spec, alone []*judge.Sample, on judge.Drawn) (all []dimension) {
	for i := range spec.Families {
		f := &spec.Families[i]
		var doubts []float64
		asked := false
		for stage := range spec.Stages {
			if defers(spec, stage) {
				doubts, asked = append(doubts, alone[stage].FamilyDoubts(f.Name, on)...), true
			}
		}
		if slices.Sort(doubts); asked {
			all = append(all, family(f, i, doubts))
		}
	}
	return all
}

// family is the threshold of one family. Its first option is none.
func family(f *cascade.Family, place int, doubts []float64) dimension {
	d := dimension{Name: "family", ordered: true}
	values := append([]float64{none}, quantiles(doubts)...)
	at, there := slices.BinarySearch(values, f.Threshold)
	if d.own = at; !there {
		values = slices.Insert(values, at, f.Threshold)
	}
	for _, v := range values {
		d.options = append(d.options, func(r *Rules) { r.Families[place] = v })
	}
	return d
}

// none is the threshold of a family that lets no answer out.
const none = -1
