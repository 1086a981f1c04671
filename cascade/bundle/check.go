package bundle

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/serveflow/serveflow/cascade/nprint"
)

// Remedies.
const (
	rewrite   = "write the bundle anew, with train/ or as docs/bundle.md says"
	copyAgain = "copy the whole bundle again, or " + rewrite
)

const (
	maxClasses = 1024
	maxText    = 64 // characters of a name
)

var (
	taskName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)
	sha256ID = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// manifestError is a complaint about manifest.json; format ends with "; <remedy>".
func manifestError(format string, args ...any) error {
	return fmt.Errorf(manifestFile+": "+format, args...)
}

// check checks that the manifest's fields are in range and fit each other.
func (m *Manifest) check() error {
	if !taskName.MatchString(m.Task) {
		return manifestError("task is %q; use up to 64 of a-z, 0-9, _ and -, as in topic names", m.Task)
	}
	if !isText(m.Version) {
		return manifestError("version is %q; use one line of up to 64 characters", m.Version)
	}
	if err := checkSchema("features", m.Features, FeaturesSchema); err != nil {
		return manifestError("%w", err)
	}
	if m.Input != Packets && m.Input != Conn {
		return manifestError("input is %q; use %q, or leave it out, for packet records, %q for records of conn.log", m.Input, Packets, Conn)
	}
	if err := m.checkProtocols(); err != nil {
		return err
	}
	if err := m.checkNames(); err != nil {
		return err
	}
	if err := m.checkFiles(); err != nil {
		return err
	}
	if err := m.checkFamilies(); err != nil {
		return err
	}
	if len(m.Stages) == 0 {
		return manifestError("stages is empty; list at least one")
	}
	for i := range m.Stages {
		if err := m.checkStage(i); err != nil {
			return err
		}
	}
	if err := m.checkPatienceHolds(); err != nil {
		return err
	}
	return m.checkNoveltyClass()
}

// checkFiles checks that the listed files are in the folder itself, each with a digest.
func (m *Manifest) checkFiles() error {
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		if !isFileName(name) {
			return manifestError("files: %q is no plain file name, or manifest.json itself; keep all files in the bundle's folder", name)
		}
		if !sha256ID.MatchString(m.Files[name]) {
			return manifestError("files: %s has the digest %q; give its SHA-256 as 64 lower-case hex digits", name, m.Files[name])
		}
	}
	for _, f := range []struct{ field, name string }{{"parity", m.Parity}, {"calibration", m.Calibration}, {"model_card", m.ModelCard}} {
		if err := m.checkListed(f.field, f.name); err != nil {
			return err
		}
	}
	if m.Drift != "" {
		return m.checkListed("drift", m.Drift)
	}
	return nil
}

func (m *Manifest) checkListed(field, name string) error {
	if _, ok := m.Files[name]; !ok {
		return manifestError("%s is %q, which files does not list; name a file of the bundle and list it with its SHA-256", field, name)
	}
	return nil
}

func (m *Manifest) checkStage(i int) error {
	s := &m.Stages[i]
	if !isText(s.Name) {
		return manifestError("stage %d: name is %q; use one line of up to 64 characters", i+1, s.Name)
	}
	fail := func(format string, args ...any) error {
		return manifestError("stage %s: "+format, append([]any{s.Name}, args...)...)
	}
	if s.Depth < 1 || s.Depth > nprint.MaxDepth { // before it is compared with others
		return fail("depth is %d; choose 1 to %d packets", s.Depth, nprint.MaxDepth)
	}
	for _, before := range m.Stages[:i] {
		if before.Name == s.Name {
			return fail("the name is there twice; give each stage its own")
		}
		if before.Depth > s.Depth {
			return fail("depth %d is below the %d of stage %s; order the stages by depth", s.Depth, before.Depth, before.Name)
		}
	}
	if err := m.checkListed("stage "+s.Name+": file", s.File); err != nil {
		return err
	}
	switch {
	case m.Input == Conn && s.Depth != 1:
		return fail("depth is %d; with input \"conn\" choose 1, the record", s.Depth)
	case len(s.Features) == 0:
		return fail("features is empty; list the model's features in order")
	case s.Output != "scores" && s.Output != "probabilities":
		return fail("output is %q; use \"scores\" or \"probabilities\"", s.Output)
	case !slices.Contains([]string{"least_confidence", "margin", "entropy"}, s.Uncertainty):
		return fail("uncertainty is %q; use \"least_confidence\", \"margin\" or \"entropy\"", s.Uncertainty)
	case !(s.Temperature > 0):
		return fail("temperature is missing, or not above 0; use 1 for none")
	case !(s.Threshold >= 0 && s.Threshold <= 1):
		return fail("threshold is missing, or not from 0 to 1; 0 defers all but the surest, 1 none")
	}
	if err := m.checkRules(s, i == len(m.Stages)-1); err != nil {
		return fail("%w", err)
	}
	if err := m.checkBehind(i); err != nil {
		return fail("%w", err)
	}
	return nil
}

// isText reports whether s can be part of labels and messages.
func isText(s string) bool {
	odd := func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }
	return s != "" && utf8.RuneCountInString(s) <= maxText && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, odd)
}

// isFileName reports whether name is a file of the bundle's own folder, and of no other.
func isFileName(name string) bool {
	return isText(name) && name != "." && name != ".." && name != manifestFile && !strings.ContainsAny(name, `/\:`)
}
