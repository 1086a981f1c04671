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
func loadStage(m *Manifest, i int, files map[string][]byte, engines Engines) (Stage, error) {
	s := &m.Stages[i]
	fail := func(format string, args ...any) (Stage, error) {
		return Stage{}, manifestError("stage %s: "+format, append([]any{s.Name}, args...)...)
	}
	engine, ok := engines[s.Engine]
	if !ok {
		return fail("engine is %q; use one of %s", s.Engine, strings.Join(slices.Sorted(maps.Keys(engines)), ", "))
	}
	if engine.Slow && i < len(m.Stages)-1 {
		return fail("engine %q is for the last stage alone, which has a queue and a time limit; use \"leaves\" here, or make it the last stage", s.Engine)
	}
	extractor, err := nprint.New(s.Features)
	if err != nil {
		return fail("%w; %s", err, rewrite)
	}
	if extractor.Depth() > s.Depth {
		return fail("feature %q looks beyond the stage's depth of %d packets; raise the depth or drop the feature", tooDeep(s), s.Depth)
	}
	if name := misplacedFeature(m, s); name != "" {
		return fail("feature %q is not there with input %q; drop the feature, or set input to %q", name, m.Input, otherInput(m))
	}
	model, err := engine.Load(files[s.File], s)
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
func tooDeep(s *StageSpec) string {
	for _, name := range s.Features {
		if e, err := nprint.New([]string{name}); err == nil && e.Depth() > s.Depth {
			return name
		}
	}
	return ""
}

// checkModel compares a model's shape with the manifest.
func checkModel(m *Manifest, s *Stage) error {
	if got, want := s.Model.Width(), len(s.Spec.Features); got != want {
		return fmt.Errorf("the model takes %d features, and the manifest's stage %s lists %d", got, s.Spec.Name, want)
	}
	if got, want := s.Model.Classes(), len(m.Classes); got != want {
		return fmt.Errorf("the model has %d classes, and the manifest lists %d", got, want)
	}
	if named, ok := s.Model.(namer); ok {
		for i, name := range named.FeatureNames() {
			if name != s.Spec.Features[i] {
				return fmt.Errorf("feature %d is %q in the model, and %q in the manifest's stage %s: name the columns alike where it is trained (feature_name)", i+1, name, s.Spec.Features[i], s.Spec.Name)
			}
		}
	}
	return nil
}
