package bundle

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/serveflow/serveflow/cascade/nprint"
)

// namer is a model whose file has the names of its features.
type namer interface {
	FeatureNames() []string
}

// loadStage loads the manifest's stage i, and compares its model with what the manifest
// says about it.
func loadStage(m *Manifest, i int, files map[string][]byte, engines Engines, tried *outcome) (Stage, error) {
	s := &m.Stages[i]
	fail := func(format string, args ...any) (Stage, error) {
		return Stage{}, manifestError("stage %s: "+format, append([]any{s.Name}, args...)...)
	}
	engine, ok := engines[s.Engine]
	if !ok {
		return fail("engine is %q; use one of %s", s.Engine, strings.Join(slices.Sorted(maps.Keys(engines)), ", "))
	}
	extractor, err := nprint.New(s.Features)
	if err != nil {
		return fail("%w; %s", err, rewrite)
	}
	if depth := s.Deepest(); extractor.Depth() > depth {
		return fail("feature %q looks beyond the stage's depth of %d packets; raise the depth or drop the feature", tooDeep(s, depth), depth)
	}
	if name := misplacedFeature(m, s); name != "" {
		return fail("feature %q is not there with input %q; drop the feature, or set input to %q", name, m.Input, otherInput(m))
	}
	load := engine.Load
	if tried.without(s.Name) && engine.LoadWithout != nil {
		load = engine.LoadWithout
	}
	model, err := load(files[s.File], s)
	if err != nil {
		return Stage{}, fmt.Errorf("%s: %w", s.File, err)
	}
	stage := Stage{Spec: *s, Extractor: extractor, Model: model, Slow: engine.Slow}
	if err := checkModel(m, &stage); err != nil {
		(&Bundle{Stages: []Stage{stage}}).Close() // its error is less important
		return Stage{}, fmt.Errorf("%s: %w; %s", s.File, err, rewrite)
	}
	return stage, nil
}

// misplacedFeature gives the first feature that flows of the manifest's input do not have.
func misplacedFeature(m *Manifest, s *StageSpec) string {
	conns := nprint.ConnNames()
	for _, name := range s.Features {
		if m.Input == Conn && !slices.Contains(conns, name) || m.Input == Packets && strings.HasPrefix(name, nprint.ConnPrefix) {
			return name
		}
	}
	return ""
}

func otherInput(m *Manifest) string {
	if m.Input == Conn {
		return Packets
	}
	return Conn
}

// tooDeep gives the first feature of a packet beyond the stage's depth.
func tooDeep(s *StageSpec, depth int) string {
	for _, name := range s.Features {
		if e, err := nprint.New([]string{name}); err == nil && e.Depth() > depth {
			return name
		}
	}
	return ""
}

// checkModel compares a model's shape with the manifest.
func checkModel(m *Manifest, s *Stage) error {
	if err := checkWidth(s.Model, s.Spec.Features, s.Spec.Name); err != nil {
		return err
	}
	if got, want := s.Model.Classes(), len(m.Classes); got != want {
		return fmt.Errorf("the model has %d classes, and the manifest lists %d", got, want)
	}
	return checkColumns(s.Model, s.Spec.Features, s.Spec.Name)
}

func checkWidth(m Model, features []string, stage string) error {
	if got, want := m.Width(), len(features); got != want {
		return fmt.Errorf("the model takes %d features, and the manifest's stage %s lists %d", got, stage, want)
	}
	return nil
}

// checkColumns compares the names of a model's features, where its file has them.
func checkColumns(m Model, features []string, stage string) error {
	named, ok := m.(namer)
	if !ok {
		return nil
	}
	for i, name := range named.FeatureNames() {
		if name != features[i] {
			return fmt.Errorf("feature %d is %q in the model, and %q in the manifest's stage %s: name the columns alike where it is trained (feature_name)", i+1, name, features[i], stage)
		}
	}
	return nil
}
