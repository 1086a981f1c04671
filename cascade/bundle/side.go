package bundle

import (
	"fmt"
	"strings"

	"github.com/serveflow/serveflow/cascade/answer"
	"github.com/serveflow/serveflow/cascade/nprint"
)

// Side is a model of two classes that is asked beside a stage's own: its hazard or its novelty.
type Side struct {
	Name      string            // STAGE.hazard or STAGE.novelty: in the parity file, errors and metrics
	File      string            // of the model
	Features  []string          // columns of the model
	Extractor *nprint.Extractor // computes those of the flow
	Columns   []int             // where these stand
	Answer    []AnswerColumn    // those of the answer
	Model     Model
}

// AnswerColumn is a column that is computed from the answer that stands.
type AnswerColumn struct {
	Column int
	Of     answer.Feature
}

// loadSides loads the models that the stage is asked with besides its own.
func (s *Stage) loadSides(m *Manifest, files map[string][]byte, engines Engines) error {
	var err error
	if h := s.Spec.Hazard; h != nil {
		if s.Hazard, err = loadSide(m, s, "hazard", h.File, h.Features, files, engines); err != nil {
			return err
		}
	}
	if n := s.Spec.Novelty; n != nil && n.File != "" {
		s.Novelty, err = loadSide(m, s, "novelty", n.File, n.Features, files, engines)
	}
	return err
}

func loadSide(m *Manifest, s *Stage, kind, file string, features []string, files map[string][]byte, engines Engines) (*Side, error) {
	side := &Side{Name: s.Spec.Name + "." + kind, File: file, Features: features}
	fail := func(format string, args ...any) (*Side, error) {
		return nil, manifestError("stage %s: %s: "+format, append([]any{s.Spec.Name, kind}, args...)...)
	}
	var ofFlow []string
	for i, name := range features {
		if !strings.HasPrefix(name, answer.Prefix) {
			ofFlow, side.Columns = append(ofFlow, name), append(side.Columns, i)
			continue
		}
		of, ok := answer.Named(name)
		if !ok {
			return fail("feature %q is not known; of the answer there are %s", name, strings.Join(answer.Names(), ", "))
		}
		side.Answer = append(side.Answer, AnswerColumn{i, of})
	}
	var err error
	if side.Extractor, err = nprint.New(ofFlow); err != nil {
		return fail("%w; %s", err, rewrite)
	}
	if depth := s.Spec.Deepest(); side.Extractor.Depth() > depth {
		return fail("its features look at packet %d, and the stage at %d packets; drop these features, or raise max_depth", side.Extractor.Depth(), depth)
	}
	if name := misplacedFeature(m, &StageSpec{Features: ofFlow}); name != "" {
		return fail("feature %q is not there with input %q; drop the feature", name, m.Input)
	}
	if side.Model, err = engines["leaves"].Load(files[file], &StageSpec{Output: "scores"}); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if err := side.check(); err != nil {
		return nil, fmt.Errorf("%s: %w; %s", file, err, rewrite)
	}
	return side, nil
}

// check compares the model's shape with the manifest.
func (side *Side) check() error {
	if got := side.Model.Classes(); got != 2 {
		return fmt.Errorf("the model has %d classes, and %s needs two", got, side.Name)
	}
	if err := checkWidth(side.Model, side.Features, side.Name); err != nil {
		return err
	}
	return checkColumns(side.Model, side.Features, side.Name)
}

// asStage is the side as the parity checks know stages.
func (side *Side) asStage() Stage {
	return Stage{Spec: StageSpec{Name: side.Name, Engine: "leaves", File: side.File, Features: side.Features, Output: "scores"}, Model: side.Model}
}
