// Package bundle loads the folder with a task's models. It checks that every file is
// the one that the maker wrote, and that the models give here the scores that they gave
// in the training library. A bundle that fails any check is refused.
package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/serveflow/serveflow/cascade/drift"
	"github.com/serveflow/serveflow/cascade/nprint"
)

// Model is an engine's model. It is safe for concurrent use.
type Model interface {
	// Classes is the number of scores for each row, Width the number of features in it.
	Classes() int
	Width() int
	// Predict scores n rows of Width features into n*Classes scores.
	Predict(rows []float32, n int, out []float64) error
}

// Engine loads the models of one kind.
type Engine struct {
	// Load gets the model file's bytes. Their digest is checked already.
	Load func(data []byte, s *StageSpec) (Model, error)
	// LoadWithout loads, without the engine's library, a model of which a trial says that it does not
	// need that. nil: the engine has no library.
	LoadWithout func(data []byte, s *StageSpec) (Model, error)
	// Tolerance is the largest difference allowed between a score and the training
	// library's. It is relative to the row's largest score if that is above 1, and
	// absolute otherwise.
	Tolerance float64
	// Slow says that its models need a queue and batches: such a stage is not asked in the
	// goroutine that reads a partition, where nothing would end a call that takes too long.
	// The stages behind it look at the same packets, since its answer does not come back to
	// that goroutine, where more could be waited for.
	Slow bool
}

// Engines are the engines by their names in manifests.
type Engines map[string]Engine

// Stage is a stage whose model is loaded.
type Stage struct {
	Spec      StageSpec
	Extractor *nprint.Extractor // computes a row of the model
	Model     Model
	Slow      bool  // whether its engine is
	Hazard    *Side // nil: none
	Novelty   *Side // nil: none, or the manifest names a class
}

// Bundle is a loaded bundle. It does not change; Close frees its models.
type Bundle struct {
	Manifest Manifest
	Digest   string // SHA-256 of manifest.json in hex; it covers all files, because the manifest has their digests
	Stages   []Stage
	Drift    *drift.Reference // nil if the bundle has none
}

// Name is how labels name the bundle: task@version.
func (b *Bundle) Name() string { return b.Manifest.Task + "@" + b.Manifest.Version }

// Close frees the models. They must not be used afterwards.
func (b *Bundle) Close() error {
	var errs []error
	for _, s := range b.Stages {
		if c, ok := s.Model.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// Load reads the bundle in dir, checks all of it and loads its models. The error is one
// line: the folder, the file, what is wrong there, the remedy.
func Load(dir string, engines Engines) (*Bundle, error) {
	return load(dir, engines, quiet(), nil)
}

// Verify does what Load does, and gives a line for each check that passed, up to the
// first that fails.
func Verify(dir string, engines Engines) (report []string, err error) {
	b, err := load(dir, engines, progress{
		report: func(format string, args ...any) { report = append(report, fmt.Sprintf(format, args...)) },
		at:     func(string) {},
	}, nil)
	if err != nil {
		return report, err
	}
	return report, b.Close()
}

// progress is told how far loading has come.
type progress struct {
	report func(format string, args ...any) // a check that passed
	at     func(file string)                // the file that is used next
}

func quiet() progress { return progress{report: func(string, ...any) {}, at: func(string) {}} }

// load loads the bundle. Of one that was tried out, what the trial has compared is not compared again.
func load(dir string, engines Engines, p progress, tried *outcome) (*Bundle, error) {
	b := &Bundle{}
	if err := b.load(dir, engines, p, tried); err != nil {
		return nil, errors.Join(fmt.Errorf("bundle %s: %w", dir, err), b.Close())
	}
	return b, nil
}

func (b *Bundle) load(dir string, engines Engines, p progress, tried *outcome) error {
	folder, err := openFolder(dir)
	if err != nil {
		return err
	}
	defer folder.root.Close()
	data, err := folder.read(manifestFile, maxManifest)
	if err != nil {
		return err
	}
	m, err := parseManifest(data)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	b.Manifest, b.Digest = *m, hex.EncodeToString(sum[:])
	p.report("%s: %s, %d classes, %d stages, digest %s", manifestFile, b.Name(), len(m.Classes), len(m.Stages), b.Digest)
	if m.Protocols != nil {
		p.report("protocols: it answers for %s; other flows are labelled unknown", strings.Join(m.Protocols, ", "))
	}
	files, err := folder.readAll(m.Files)
	if err != nil {
		return err
	}
	p.report("files: all %d are as the manifest's digests say", len(files))
	for _, name := range folder.unlisted(m.Files) {
		p.report("files: %s is not in the manifest, and not used", name)
	}
	if m.Drift != "" {
		if b.Drift, err = parseDrift(m, files[m.Drift]); err != nil {
			return err
		}
		p.report("%s: what %d flows of the calibration set looked like, by %d features", m.Drift, flowsOf(b.Drift.Stages[0].Uncertainty), len(b.Drift.Features))
	}
	for i := range m.Stages {
		p.at(m.Stages[i].File)
		stage, err := loadStage(m, i, files, engines, tried)
		if err != nil {
			return err
		}
		b.Stages = append(b.Stages, stage)
		if err := b.Stages[i].loadSides(m, files, engines); err != nil {
			return err
		}
		p.report("stage %s: %s reads %s, %s, %d features", stage.Spec.Name, stage.Spec.Engine, stage.Spec.File, looksAt(m, &stage.Spec), len(stage.Spec.Features))
	}
	if tried != nil {
		return nil
	}
	return b.checkParity(files[m.Parity], engines, p)
}

// looksAt says which part of a flow a stage sees.
func looksAt(m *Manifest, s *StageSpec) string {
	if m.Input == Conn {
		return "the record of conn.log"
	}
	if deepest := s.Deepest(); deepest > s.Depth {
		return fmt.Sprintf("%d to %d packets", s.Depth, deepest)
	}
	return fmt.Sprintf("%d packets", s.Depth)
}
