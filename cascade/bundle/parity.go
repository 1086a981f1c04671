package bundle

import (
	"fmt"
	"math"
	"slices"
)

// parityFile has rows with the training library's own scores. It also has the names of
// classes and features: with a manifest that names them in another order, the same
// numbers would be served under wrong names.
type parityFile struct {
	Classes  []string            `json:"classes"`  // of a row's scores
	Features map[string][]string `json:"features"` // of a row's x, by stage
	Rows     []parityRow         `json:"rows"`
}

type parityRow struct {
	Stage  string    `json:"stage"`
	X      []float32 `json:"x"`      // the stage's features
	Scores []float64 `json:"scores"` // one a class, as the manifest's output says
}

// checkParity compares every stage's model with the training library on the rows of the
// parity file. Each stage must have at least one row. The same class must win, and no
// score may differ by more than the engine's tolerance.
func (b *Bundle) checkParity(data []byte, engines Engines, p progress) error {
	name := b.Manifest.Parity
	p.at(name)
	var file parityFile
	if err := decode(data, &file); err != nil {
		return fmt.Errorf("%s: %s; %s", name, jsonProblem(data, err), rewrite)
	}
	if err := sameNames("classes", b.Manifest.Classes, file.Classes); err != nil {
		return fmt.Errorf("%s: %w; %s", name, err, rewrite)
	}
	asked := b.asked()
	for _, s := range asked {
		if err := sameNames("features of stage "+s.Spec.Name, s.Spec.Features, file.Features[s.Spec.Name]); err != nil {
			return fmt.Errorf("%s: %w; %s", name, err, rewrite)
		}
	}
	if err := b.checkLogits(file.Rows); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := b.checkBatches(file.Rows, p); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	rows, worst := make(map[string]int), make(map[string]float64)
	for i, row := range file.Rows {
		at := slices.IndexFunc(asked, func(s Stage) bool { return s.Spec.Name == row.Stage })
		if at < 0 {
			return fmt.Errorf("%s: row %d is for stage %q, which the manifest has not; %s", name, i+1, row.Stage, rewrite)
		}
		s := &asked[at]
		p.at(s.Spec.File)
		diff, err := s.compare(b.Manifest.Classes, row, engines[s.Spec.Engine].Tolerance)
		if err != nil {
			return fmt.Errorf("%s: row %d, stage %s: %w", name, i+1, s.Spec.Name, err)
		}
		rows[s.Spec.Name]++
		worst[s.Spec.Name] = max(worst[s.Spec.Name], diff)
	}
	for _, s := range asked {
		if rows[s.Spec.Name] == 0 {
			return fmt.Errorf("%s: stage %s has no row; %s", name, s.Spec.Name, rewrite)
		}
		p.report("%s: stage %s gives the training library's scores on %d rows; largest difference %.2g of %g allowed",
			name, s.Spec.Name, rows[s.Spec.Name], worst[s.Spec.Name], engines[s.Spec.Engine].Tolerance)
	}
	return nil
}

// checkBatches checks the stages whose models get flows in batches. It comes before the
// comparison with the training library, because a model that depends on its batch fails
// that one too, for a reason that its words would not name.
func (b *Bundle) checkBatches(all []parityRow, p progress) error {
	for i := range b.Stages {
		s := &b.Stages[i]
		if !s.Slow {
			continue
		}
		var rows [][]float32
		var numbers []int
		for j, row := range all {
			if row.Stage == s.Spec.Name {
				rows, numbers = append(rows, row.X), append(numbers, j+1)
			}
		}
		p.at(s.Spec.File)
		if err := s.checkBatches(rows, numbers, b.Manifest.Classes); err != nil {
			return err
		}
	}
	return nil
}

// sameNames compares the manifest's names with those that the rows were made with.
func sameNames(what string, ours, rows []string) error {
	if len(ours) != len(rows) {
		return fmt.Errorf("%s: its rows were made with %d, and the manifest lists %d", what, len(rows), len(ours))
	}
	for i := range ours {
		if ours[i] != rows[i] {
			return fmt.Errorf("%s: number %d is %q, and %q in the manifest", what, i+1, rows[i], ours[i])
		}
	}
	return nil
}

// asked are the stages, and the models that are asked beside them.
func (b *Bundle) asked() []Stage {
	all := slices.Clone(b.Stages)
	for _, s := range b.Stages {
		for _, side := range []*Side{s.Hazard, s.Novelty} {
			if side != nil {
				all = append(all, side.asStage())
			}
		}
	}
	return all
}

// compare gives the largest difference in the row, measured as Engine.Tolerance is.
func (s *Stage) compare(classes []string, row parityRow, tolerance float64) (worst float64, err error) {
	if s.Model.Classes() == 2 && len(classes) != 2 { // a hazard or a novelty
		classes = []string{"no", "yes"}
	}
	if len(row.X) != len(s.Spec.Features) || len(row.Scores) != len(classes) {
		return 0, fmt.Errorf("it has %d features and %d scores, not %d and %d; %s", len(row.X), len(row.Scores), len(s.Spec.Features), len(classes), rewrite)
	}
	if s.Spec.Output == "probabilities" && !sumToOne(row.Scores) {
		return 0, fmt.Errorf("output is \"probabilities\", but the scores %v are none: they do not sum to 1; set output to \"scores\" if they come before softmax, else export a model that ends in one", row.Scores)
	}
	got := make([]float64, len(classes))
	if err := s.Model.Predict(row.X, 1, got); err != nil {
		return 0, fmt.Errorf("%w; %s", err, rewrite)
	}
	scale := 1.0
	for _, want := range row.Scores {
		scale = max(scale, math.Abs(want))
	}
	const remedy = "the model is not the one that was tested in training: " + rewrite
	for i, want := range row.Scores {
		diff := math.Abs(got[i]-want) / scale
		if !(diff <= tolerance) {
			return 0, fmt.Errorf("class %s: got %v from %s, want %v; %s", classes[i], got[i], s.Spec.File, want, remedy)
		}
		worst = max(worst, diff)
	}
	if g, w := winner(got), winner(row.Scores); g != w {
		return 0, fmt.Errorf("got class %s from %s, want %s; %s", classes[g], s.Spec.File, classes[w], remedy)
	}
	return worst, nil
}

func winner(scores []float64) int {
	best := 0
	for i, s := range scores {
		if s > scores[best] {
			best = i
		}
	}
	return best
}

// sumToOne reports whether p are probabilities, up to the rounding of float32.
func sumToOne(p []float64) bool {
	sum := 0.0
	for _, x := range p {
		if x < 0 {
			return false
		}
		sum += x
	}
	return math.Abs(sum-1) < 1e-4
}
