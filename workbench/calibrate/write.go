package calibrate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/serveflow/serveflow/cascade"
)

// manifest is the file that says what the others are.
const manifest = "manifest.json"

// Suffix is what the version of a calibrated bundle ends with.
const Suffix = "-calibrated"

// Write writes a copy of the bundle in the folder from, with other rules and
// with what is added. The copy has a version of its own, and no reference for drift: under
// other rules, the flows of before are no reference. The folder to must not be there.
func Write(from, to string, spec *cascade.Spec, rules Rules, added Added) (err error) {
	if _, err := os.Lstat(to); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: it is there already; name a folder that is not", to)
	}
	data, err := os.ReadFile(filepath.Join(from, manifest))
	if err != nil {
		return err
	}
	var m map[string]any
	numbers := json.NewDecoder(bytes.NewReader(data))
	numbers.UseNumber() // they stay as they are written
	if err := numbers.Decode(&m); err != nil {
		return fmt.Errorf("%s: %w", manifest, err)
	}
	files, _ := m["files"].(map[string]any)
	contents := map[string][]byte{}
	drift, _ := m["drift"].(string)
	delete(m, "drift")
	delete(files, drift)
	for name := range files {
		if contents[name], err = os.ReadFile(filepath.Join(from, name)); err != nil {
			return err
		}
	}
	card, _ := m["model_card"].(string)
	for name, data := range added.with(card, contents[card]) {
		sum := sha256.Sum256(data)
		contents[name], files[name] = data, hex.EncodeToString(sum[:])
	}
	if err := edit(m, spec, rules); err != nil {
		return err
	}
	if contents[manifest], err = json.MarshalIndent(m, "", " "); err != nil {
		return err
	}
	contents[manifest] = append(contents[manifest], '\n')
	return folder(to, contents)
}

// edit sets the rules and the version in a manifest.
func edit(m map[string]any, spec *cascade.Spec, rules Rules) error {
	version, _ := m["version"].(string)
	if len(version) < len(Suffix) || version[len(version)-len(Suffix):] != Suffix {
		version += Suffix
	}
	if m["version"] = version; len(version) > 64 {
		return fmt.Errorf("the version %q is longer than 64 characters: shorten that of the bundle", version)
	}
	stages, _ := m["stages"].([]any)
	families, _ := m["families"].([]any)
	if len(stages) != len(rules.Stages) || len(families) != len(rules.Families) {
		return fmt.Errorf("%s has %d stages and %d families, and %d and %d are loaded: load the bundle again", manifest, len(stages), len(families), len(rules.Stages), len(rules.Families))
	}
	for i, threshold := range rules.Families {
		family, _ := families[i].(map[string]any)
		if delete(family, "threshold"); threshold >= 0 {
			family["threshold"] = threshold
		}
	}
	for i, r := range rules.Stages {
		stage, _ := stages[i].(map[string]any)
		stage["threshold"] = r.Threshold
		if r.Thresholds == nil {
			delete(stage, "thresholds")
		}
		if hazard, _ := stage["hazard"].(map[string]any); hazard != nil {
			hazard["below"] = r.Below
		}
		delete(stage, "patience")
		if r.Patience != nil {
			stage["patience"] = patienceSpec(spec, r.Patience)
		}
	}
	return nil
}

// patienceSpec is patience as a manifest has it.
func patienceSpec(spec *cascade.Spec, rules []cascade.Patience) (all []map[string]any) {
	for _, p := range rules {
		rule := map[string]any{"ms": float64(p.Wait) / float64(time.Millisecond)}
		if p.Packets > 0 {
			rule["packets"] = p.Packets
		}
		var classes []string
		for _, class := range p.Classes {
			classes = append(classes, spec.Classes[class])
		}
		if classes != nil {
			rule["classes"] = classes
		}
		all = append(all, rule)
	}
	return all
}

// folder writes files to a folder that is then whole, or not there.
func folder(to string, contents map[string][]byte) error {
	part, err := os.MkdirTemp(filepath.Dir(to), ".serveflow-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(part)
	for name, data := range contents {
		if err := os.WriteFile(filepath.Join(part, name), data, 0o644); err != nil {
			return err
		}
	}
	return errors.Join(os.Chmod(part, 0o755), os.Rename(part, to))
}
