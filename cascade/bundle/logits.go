package bundle

import "fmt"

// checkLogits refuses a stage of which all rows give probabilities as scores: softmax would
// be taken once more, and no class would ever be likely.
func (b *Bundle) checkLogits(rows []parityRow) error {
	for i := range b.Stages {
		s := &b.Stages[i].Spec
		sigmoids, probabilities, n := len(b.Manifest.Classes) == 2, true, 0
		for _, row := range rows {
			if row.Stage != s.Name || len(row.Scores) != len(b.Manifest.Classes) {
				continue
			}
			n++
			sigmoids = sigmoids && row.Scores[0] == 0 && row.Scores[1] >= 0 && row.Scores[1] <= 1
			probabilities = probabilities && sumToOne(row.Scores)
		}
		switch {
		case s.Output != "scores" || n == 0:
		case probabilities && s.Engine == "leaves":
			return fmt.Errorf("stage %s: the scores of all rows are probabilities; give what predict(rows, raw_score=True) gives, for two classes 0 and that", s.Name)
		case probabilities:
			return fmt.Errorf("stage %s: the scores of all rows are probabilities; set output to \"probabilities\"", s.Name)
		case sigmoids && s.Engine != "leaves": // whose scores are raw, whatever they look like
			return fmt.Errorf("stage %s: the scores of all rows are 0 and a number from 0 to 1, as of a sigmoid; "+
				"set output to \"probabilities\" and give the rows 1-p and p, or add a row that class %s wins", s.Name, b.Manifest.Classes[0])
		}
	}
	return nil
}
