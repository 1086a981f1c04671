package bundle

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/serveflow/serveflow/cascade/drift"
)

// DriftSchema is the form of the manifest's drift file that this release reads.
const DriftSchema = "serveflow.drift/1"

// remeasure is the remedy for a drift file.
const remeasure = "write the file anew, by python -m train.drift or as docs/bundle.md says"

// parseDrift reads the manifest's drift file and holds it against the manifest.
func parseDrift(m *Manifest, data []byte) (*drift.Reference, error) {
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("%s: %s; %s", m.Drift, jsonProblem(data, err), remeasure)
	}
	if err := checkSchema("schema", head.Schema, DriftSchema); err != nil {
		return nil, fmt.Errorf("%s: %w", m.Drift, err)
	}
	r, err := decodeDrift(data)
	if err == nil {
		err = checkDrift(m, r)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w; %s", m.Drift, err, remeasure)
	}
	return r, nil
}

// decodeDrift is as strict as the reading of the manifest.
func decodeDrift(data []byte) (*drift.Reference, error) {
	if key := duplicateKey(data); key != "" {
		return nil, fmt.Errorf("field %q is there twice", key)
	}
	like := reflect.TypeFor[drift.Reference]()
	if field, what := faultyField(data, like, misnamed); field != "" {
		return nil, fmt.Errorf("field %q %s", field, what)
	}
	r := &drift.Reference{}
	if err := decode(data, r); err != nil {
		return nil, fmt.Errorf("%s", jsonProblem(data, err))
	}
	if field, what := faultyField(data, like, missing); field != "" {
		return nil, fmt.Errorf("field %q %s", field, what)
	}
	return r, nil
}
