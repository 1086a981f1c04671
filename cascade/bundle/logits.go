package bundle

import "fmt"

// checkLogits refuses a stage of two classes whose rows say that a probability is given as
// a score: the first score is 0 in all of them, as of a model with one output, and the
// second is from 0 to 1. Its sigmoid would be taken once more, and the first class would
// never win.
func (b *Bundle) checkLogits(rows []parityRow) error {
	for _, s := range b.Stages {
		if s.Spec.Output != "scores" || len(b.Manifest.Classes) != 2 {
			continue
		}
		looks, n := true, 0
		for _, row := range rows {
			if row.Stage != s.Spec.Name || len(row.Scores) != 2 {
				continue
			}
			n++
			looks = looks && row.Scores[0] == 0 && row.Scores[1] >= 0 && row.Scores[1] <= 1
		}
		if looks && n > 0 {
			return fmt.Errorf("stage %s: the scores of all rows are 0 and a number from 0 to 1, as of a sigmoid; "+
				"set output to \"probabilities\" and give the rows 1-p and p, or add a row that class %s wins", s.Spec.Name, b.Manifest.Classes[0])
		}
	}
	return nil
}
