package annotate

// answers names flows by the DNS answers that their clients had shortly before: the client asked
// for a name, was given the address, and then the flow went there. The latest answer holds. It
// reports whether a flow got a label.
func (l *Labeller) answers(rep *Report, r *row) bool {
	if len(r.answers) == 0 {
		return false
	}
	asked := &row{names: []string{r.query}, server: true}
	label, ok := l.opt.Rules.label(asked)
	if !ok || CheckLabel(label) != nil {
		return false
	}
	named := false
	for _, a := range r.answers {
		l.found = l.table.toward(l.found[:0], a.client, a.server, r.first, r.first+l.opt.Window.Microseconds())
		for _, i := range l.found {
			f := &l.table.flows[i]
			if f.uid != r.uid {
				l.give(rep, f, label, 1+f.first-r.first) // what is in the flow itself has rank 0
				named = true
			}
		}
	}
	return named
}
