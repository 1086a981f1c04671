package judge

import (
	"cmp"
	"slices"
)

// Share is how many of the flows with a label something holds for, such as being decided by a stage.
type Share struct {
	Name  string `json:"name"`
	Known Figure `json:"known"` // of those with a known label
	All   Figure `json:"all"`
}

// shares are those of each name that occurs, the largest first.
func (d draws) shares(s *Sample, of func(*Answer) string) []Share {
	var names []string
	for i := range s.Cases {
		if s.Cases[i].Answered {
			names = append(names, of(&s.Cases[i].Answer))
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	known, all := d.parts(s.known(), names, of), d.parts(s.Cases, names, of)
	out := make([]Share, len(names))
	for i, name := range names {
		out[i] = Share{name, known[i], all[i]}
	}
	slices.SortStableFunc(out, func(a, b Share) int { return cmp.Compare(b.All.Value, a.All.Value) })
	return out
}

// parts are the shares of flows by name.
func (d draws) parts(cases []Case, names []string, of func(*Answer) string) []Figure {
	at := make([]int, len(cases))
	for i := range cases {
		if at[i] = -1; cases[i].Answered {
			at[i] = place(names, of(&cases[i].Answer))
		}
	}
	return d.figures(len(names), func(w weights, out []float64) {
		var total float64
		for i, k := range at {
			if k >= 0 {
				n := float64(w[cases[i].unit])
				out[k] += n
				total += n
			}
		}
		for k := range out {
			out[k] = where(total > 0, ratio(out[k], total))
		}
	})
}

// Confident is the confidence above which an answer counts as sure.
const Confident = .9

// Foreign says what was said of known flows whose label is no class of the bundle.
type Foreign struct {
	Label     string `json:"label"` // empty: all of them
	Flows     int    `json:"flows"`
	Unknown   Figure `json:"unknown"`   // share called unknown
	Confident Figure `json:"confident"` // share called a class, with a confidence above 0.9
}

// foreign is for each label that is no class, after the sum of all; empty if there is none.
func (d draws) foreign(s *Sample) (out []Foreign) {
	var names []string
	for _, c := range s.known() {
		if c.Class < 0 {
			names = append(names, c.Truth)
		}
	}
	if names == nil {
		return []Foreign{}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, name := range append([]string{""}, names...) {
		flows := 0
		f := d.figures(2, func(w weights, out []float64) {
			var total, unknown, confident float64
			flows = 0
			for i := range s.known() {
				c := &s.Cases[i]
				if c.Class >= 0 || name != "" && c.Truth != name {
					continue
				}
				n := float64(w[c.unit])
				flows, total = flows+1, total+n
				switch {
				case !c.Answered:
				case c.Answer.Class < 0:
					unknown += n
				case c.Answer.Confidence > Confident:
					confident += n
				}
			}
			out[0], out[1] = where(total > 0, ratio(unknown, total)), where(total > 0, ratio(confident, total))
		})
		out = append(out, Foreign{name, flows, f[0], f[1]})
	}
	return out
}
