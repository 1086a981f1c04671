package bundle

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Schemas that this release reads.
const (
	Schema         = "serveflow.bundle/1"
	FeaturesSchema = "serveflow.features/1"
)

// The records that a bundle's flows are made of.
const (
	Packets = "packets" // packet records of the Zeek package
	Conn    = "conn"    // records of conn.log
)

const manifestFile = "manifest.json"

// Manifest is the content of manifest.json.
type Manifest struct {
	Schema      string            `json:"schema"`
	Task        string            `json:"task"`     // the question, as in topic names: a-z, 0-9, _ and -
	Version     string            `json:"version"`  // free text of the maker
	Features    string            `json:"features"` // schema of the features' names
	Input       string            `json:"input"`    // Packets, the default, or Conn
	Classes     []string          `json:"classes"`  // in the order of the models' scores
	Stages      []StageSpec       `json:"stages"`   // from first to last
	Parity      string            `json:"parity"`   // names of files
	Calibration string            `json:"calibration"`
	ModelCard   string            `json:"model_card"`
	Files       map[string]string `json:"files"` // SHA-256 in hex, of every file but manifest.json
}

// StageSpec is one stage in the manifest.
type StageSpec struct {
	Name        string   `json:"name"`
	Engine      string   `json:"engine"`
	File        string   `json:"file"`
	Depth       int      `json:"depth"`       // packets looked at, 1 to 64; with input conn 1, the record
	Features    []string `json:"features"`    // in the order of a row's columns
	Input       string   `json:"input"`       // of the ONNX graph
	OutputName  string   `json:"output_name"` // of the ONNX graph
	Output      string   `json:"output"`      // "scores", before softmax, or "probabilities"
	Temperature float64  `json:"temperature"` // scores are divided by it
	Uncertainty string   `json:"uncertainty"` // "least_confidence", "margin" or "entropy"
	Threshold   float64  `json:"threshold"`   // uncertainty above which a flow is deferred, 0 to 1
}

// UnmarshalJSON sets numbers that are left out to a value that check refuses.
func (s *StageSpec) UnmarshalJSON(data []byte) error {
	type plain StageSpec
	p := plain{Temperature: -1, Threshold: -1}
	err := decode(data, &p)
	*s = StageSpec(p)
	return err
}

// parseManifest reads and checks manifest.json, without the other files.
func parseManifest(data []byte) (*Manifest, error) {
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, manifestError("%s; %s", jsonProblem(data, err), rewrite)
	}
	// The schema comes first, because a newer one may have fields that are unknown here.
	if err := checkSchema("schema", head.Schema, Schema); err != nil {
		return nil, err
	}
	if key := duplicateKey(data); key != "" {
		return nil, manifestError("field %q is there twice, and readers differ in which one counts; %s", key, rewrite)
	}
	m := &Manifest{Input: Packets}
	if err := decode(data, m); err != nil {
		return nil, manifestError("%s; %s", jsonProblem(data, err), rewrite)
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	return m, nil
}

// checkSchema distinguishes a newer schema, which needs an upgrade, from a wrong one.
func checkSchema(field, got, want string) error {
	if got == want {
		return nil
	}
	family, ours, _ := strings.Cut(want, "/")
	number, isOurs := strings.CutPrefix(got, family+"/")
	n, err := strconv.Atoi(number)
	known, _ := strconv.Atoi(ours)
	if isOurs && err == nil && n > known {
		return manifestError("%s is %q: made for a newer ServeFlow, this one reads %q; upgrade serveflow", field, got, want)
	}
	return manifestError("%s is %q, not %q; %s", field, got, want, rewrite)
}
