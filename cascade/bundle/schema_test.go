package bundle

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"
	checker "github.com/santhosh-tekuri/jsonschema/v6"
)

const (
	schemaFile = "../../docs/manifest.schema.json"
	docsFile   = "../../docs/bundle.md"
)

// reflected gives the JSON Schema of the manifest as the types and their tags say it.
func reflected() *jsonschema.Schema {
	r := jsonschema.Reflector{ExpandedStruct: true, RequiredFromJSONSchemaTags: true, Anonymous: true}
	s := r.Reflect(&Manifest{})
	s.ID, s.Title, s.Description = "", "ServeFlow bundle manifest", "manifest.json of a bundle; docs/bundle.md explains it"
	files, _ := s.Properties.Get("files")
	files.AdditionalProperties = &jsonschema.Schema{Type: "string", Pattern: sha256ID.String()}
	family, _ := s.Definitions["FamilySpec"].Properties.Get("name")
	family.Not = &jsonschema.Schema{Const: unknown}
	return s
}

func TestSchemaFile(t *testing.T) {
	data, err := json.MarshalIndent(reflected(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, schemaFile, string(data)+"\n")
}

// compiled gives the schema in docs/ in a form that checks.
func compiled(t *testing.T) *checker.Schema {
	t.Helper()
	s, err := checker.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every manifest of the repository is as the schema says.
func TestSchemaHolds(t *testing.T) {
	s, n := compiled(t), 0
	err := filepath.WalkDir("../..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && len(entry.Name()) > 2 {
			return cmp.Or(err, error(filepath.SkipDir))
		}
		if entry.Name() != manifestFile {
			return nil
		}
		n++
		if err := s.Validate(value(t, path)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return nil
	})
	if err != nil || n < 6 {
		t.Errorf("%d manifests, %v", n, err)
	}
}

// What the schema refuses, Load refuses too; and each of these is refused by both.
func TestSchemaRefuses(t *testing.T) {
	s := compiled(t)
	both := []string{"newer schema", "no schema", "unknown field", "unknown field of a stage", "text for a number", "a fraction for a whole number",
		"no task", "task with a dot", "no version", "one class", "class twice", "no stages", "another input", "empty input", "no depth", "depth too large",
		"no features", "output", "uncertainty", "no temperature", "temperature 0", "no threshold", "threshold above 1", "no model", "no model card",
		"digest too short", "unknown engine", "feature twice", "no protocols", "unknown protocol", "protocol twice", "protocol by number",
		"upper case", "upper case in a stage", "null for a field", "null for a field of a stage", "empty class", "a class of 65 characters", "family called unknown"}
	refused := 0
	for _, c := range slices.Concat(refusals, ruleRefusals) {
		if !slices.Contains(both, c.name) {
			continue
		}
		refused++
		dir := copyBundle(t, "trees")
		c.change(t, dir)
		if s.Validate(value(t, filepath.Join(dir, manifestFile))) == nil {
			t.Errorf("%s: the schema takes it", c.name)
		}
	}
	if refused != len(both) {
		t.Errorf("%d of the %d refusals are there", refused, len(both))
	}
}

func value(t *testing.T, path string) any {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v, err := checker.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(path, err)
	}
	return v
}

// The tables of docs/bundle.md are made of the same tags.
func TestFieldTables(t *testing.T) {
	data, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	s, text := reflected(), string(data)
	for name, fields := range map[string]*jsonschema.Schema{"manifest": s, "stage": s.Definitions["StageSpec"],
		"patience": s.Definitions["PatienceSpec"], "hazard": s.Definitions["HazardSpec"], "novelty": s.Definitions["NoveltySpec"], "family": s.Definitions["FamilySpec"]} {
		between := regexp.MustCompile(`(?s)(<!-- fields of the ` + name + ` -->\n).*?(<!-- end -->)`)
		if !between.MatchString(text) {
			t.Fatalf("%s has no place for the fields of the %s", docsFile, name)
		}
		text = between.ReplaceAllString(text, "${1}"+strings.ReplaceAll(fieldTable(t, fields), "$", "$$")+"${2}")
	}
	golden(t, docsFile, text)
}

func fieldTable(t *testing.T, s *jsonschema.Schema) string {
	var b strings.Builder
	b.WriteString("| field | value | meaning |\n| --- | --- | --- |\n")
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		if p.Value.Description == "" {
			t.Errorf("%s has no jsonschema_description", p.Key)
		}
		kind := valueOf(p.Value)
		if !slices.Contains(s.Required, p.Key) {
			kind += "; may be left out"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", p.Key, kind, p.Value.Description)
	}
	return b.String()
}

// valueOf says in words what a field may hold.
func valueOf(s *jsonschema.Schema) string {
	var one []string
	for _, v := range s.Enum {
		one = append(one, fmt.Sprintf("`%q`", v))
	}
	ref := s.Ref
	if s.Items != nil {
		ref = s.Items.Ref
	}
	nested := strings.ToLower(strings.TrimSuffix(ref[strings.LastIndex(ref, "/")+1:], "Spec"))
	switch {
	case s.Type == "array" && nested != "":
		return "list of objects, see below"
	case nested != "":
		return "object, see below"
	case s.Type == "object" && s.AdditionalProperties != nil && s.AdditionalProperties.Type == "number":
		return "object: names and numbers"
	case one != nil && s.Default != nil:
		return fmt.Sprintf("%s; `%q` by default", strings.Join(one, " or "), s.Default)
	case one != nil:
		return strings.Join(one, " or ")
	case s.Pattern != "":
		return "text like `" + s.Pattern + "`"
	case s.MaxLength != nil:
		return fmt.Sprintf("text of up to %d characters", *s.MaxLength)
	case s.Type == "array" && s.MaxItems != nil:
		return fmt.Sprintf("list of %d to %d names, each once", *s.MinItems, *s.MaxItems)
	case s.Type == "array":
		return "list of names, each once"
	case s.ExclusiveMinimum != "" && s.Maximum != "":
		return fmt.Sprintf("number above %s, up to %s", s.ExclusiveMinimum, s.Maximum)
	case s.ExclusiveMinimum != "":
		return fmt.Sprintf("number above %s", s.ExclusiveMinimum)
	case s.Maximum != "":
		return fmt.Sprintf("%s from %s to %s", map[string]string{"integer": "whole number", "number": "number"}[s.Type], s.Minimum, s.Maximum)
	case s.Type == "object":
		return "object: file names and digests"
	}
	return "text"
}
