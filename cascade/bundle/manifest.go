package bundle

import (
	"encoding/json"
	"fmt"
	"reflect"
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

// Manifest is the content of manifest.json. The tags of its fields are also the source of
// docs/manifest.schema.json and of the tables in docs/bundle.md.
type Manifest struct {
	Schema      string            `json:"schema" jsonschema:"required,enum=serveflow.bundle/1" jsonschema_description:"the form of this file"`
	Task        string            `json:"task" jsonschema:"required,pattern=^[a-z0-9][a-z0-9_-]{0\\,63}$" jsonschema_description:"the question that the labels answer; it is part of topic names"`
	Version     string            `json:"version" jsonschema:"required,minLength=1,maxLength=64" jsonschema_description:"free text of the maker, one line; labels name the bundle task@version"`
	Features    string            `json:"features" jsonschema:"required,enum=serveflow.features/1" jsonschema_description:"the schema of the features' names"`
	Input       string            `json:"input" jsonschema:"enum=packets,enum=conn,default=packets" jsonschema_description:"what flows are made of: packet records of the Zeek package, or records of conn.log"`
	Protocols   []string          `json:"protocols" jsonschema:"minItems=1,uniqueItems=true,enum=tcp,enum=udp,enum=icmp,enum=unknown_transport" jsonschema_description:"the transport protocols that it answers for, of tcp, udp, icmp and unknown_transport; flows of others are labelled unknown, with reason unsupported; without the list it answers for all"`
	Classes     []string          `json:"classes" jsonschema:"required,minItems=2,maxItems=1024,uniqueItems=true,minLength=1,maxLength=64" jsonschema_description:"the labels, in the order of the models' scores; only the class of novelty may be called unknown"`
	Stages      []StageSpec       `json:"stages" jsonschema:"required,minItems=1" jsonschema_description:"from first to last, in the order of their depths"`
	Families    []FamilySpec      `json:"families" jsonschema:"minItems=1" jsonschema_description:"groups of classes that are close to each other; labels then have family and family_confidence"`
	Parity      string            `json:"parity" jsonschema:"required" jsonschema_description:"file with rows and the training library's own scores, which the models must give here too"`
	Calibration string            `json:"calibration" jsonschema:"required" jsonschema_description:"file with what is known of the probabilities; it is kept, and not read"`
	ModelCard   string            `json:"model_card" jsonschema:"required" jsonschema_description:"file that says what the models were trained on, and how good they are; it is kept, and not read"`
	Drift       string            `json:"drift" jsonschema_description:"file that says what the flows of the calibration set looked like; without it there are no metrics of drift"`
	Files       map[string]string `json:"files" jsonschema:"required" jsonschema_description:"SHA-256 of every file but manifest.json, by name, as 64 lower-case hex digits"`
}

// StageSpec is one stage in the manifest.
type StageSpec struct {
	Name        string   `json:"name" jsonschema:"required,minLength=1,maxLength=64" jsonschema_description:"as labels and metrics show it; each stage has its own"`
	Engine      string   `json:"engine" jsonschema:"required,enum=leaves,enum=onnx" jsonschema_description:"what reads the file: leaves for LightGBM's text (multiclass or binary), onnx for an ONNX graph, which has a queue: the stages behind it look at the same packets"`
	File        string   `json:"file" jsonschema:"required" jsonschema_description:"the model's file"`
	Depth       int      `json:"depth" jsonschema:"required,minimum=1,maximum=64" jsonschema_description:"how many packets of a flow the stage looks at; 1 with input conn, the record"`
	Features    []string `json:"features" jsonschema:"required,minItems=1,uniqueItems=true" jsonschema_description:"names of the model's columns, in their order"`
	Input       string   `json:"input" jsonschema_description:"for onnx alone, and required there: the graph's input, float32, rows by features"`
	OutputName  string   `json:"output_name" jsonschema_description:"for onnx alone: the graph's output, float32, rows by classes, or by one for two classes; it may be left out if only one output can be it"`
	Output      string   `json:"output" jsonschema:"required,enum=scores,enum=probabilities" jsonschema_description:"scores before softmax, or probabilities; leaves gives scores"`
	Temperature float64  `json:"temperature" jsonschema:"required,exclusiveMinimum=0" jsonschema_description:"scores are divided by it before softmax; 1 for none"`
	Uncertainty string   `json:"uncertainty" jsonschema:"required,enum=least_confidence,enum=margin,enum=entropy" jsonschema_description:"how doubt is measured, 0 sure to 1 clueless"`
	Threshold   float64  `json:"threshold" jsonschema:"required,minimum=0,maximum=1" jsonschema_description:"doubt above which the next stage is asked; of no effect in the last stage at its last packet"`

	MaxDepth       int                `json:"max_depth" jsonschema:"minimum=1,maximum=64" jsonschema_description:"the stage is asked again at each packet from depth to this one, until it is sure or the next stage's depth is there; without it, at depth alone; not for onnx"`
	Thresholds     map[string]float64 `json:"thresholds" jsonschema_description:"thresholds by the class that is ahead, from 0 to 1; threshold holds for the others"`
	GapUncertainty float64            `json:"gap_uncertainty" jsonschema:"minimum=0,maximum=1" jsonschema_description:"added to the doubt where one of the packets looked at is missing"`
	Patience       []PatienceSpec     `json:"patience" jsonschema:"minItems=1" jsonschema_description:"how long the stage's answer waits for the next packet: the first rule that fits holds; SERVEFLOW_FLOW_IDLE where none does"`
	Hazard         *HazardSpec        `json:"hazard" jsonschema_description:"a model of whether another packet will come; where that is unlikely, the answer that stands goes out at once, with reason no_more; not for onnx"`
	Novelty        *NoveltySpec       `json:"novelty" jsonschema_description:"what is of no class: its label is unknown, with reason novel"`
}

// Deepest is how many packets of a flow the stage looks at, at most.
func (s *StageSpec) Deepest() int { return max(s.Depth, s.MaxDepth) }

// UnmarshalJSON sets numbers that are left out to a value that check refuses.
func (s *StageSpec) UnmarshalJSON(data []byte) error {
	type plain StageSpec
	p := plain{Temperature: -1, Threshold: -1}
	err := decode(data, &p)
	*s = StageSpec(p)
	return err
}

// PatienceSpec is one rule of a stage's patience.
type PatienceSpec struct {
	Classes []string `json:"classes" jsonschema:"minItems=1,uniqueItems=true" jsonschema_description:"the best class of the answer that stands is one of these; without it, any"`
	Packets int      `json:"packets" jsonschema:"minimum=1,maximum=64" jsonschema_description:"packets that the flow has, without a hole: from the stage's depth up to one less than the last stage's depth, or in the last stage than max_depth; without it, any number"`
	MS      float64  `json:"ms" jsonschema:"required,minimum=0.001,maximum=3600000" jsonschema_description:"milliseconds of record time since the last packet; one that comes later does not count"`
}

// HazardSpec is a stage's model of whether another packet will come.
type HazardSpec struct {
	File     string   `json:"file" jsonschema:"required" jsonschema_description:"LightGBM's text, binary; its second class: another packet comes in time"`
	Features []string `json:"features" jsonschema:"required,minItems=1,uniqueItems=true" jsonschema_description:"names of the model's columns, in their order: of the stage's packets, and of the answer that stands (answer_p1 to answer_p5, answer_margin, answer_entropy, answer_first, answer_second)"`
	Below    float64  `json:"below" jsonschema:"required,exclusiveMinimum=0,maximum=1" jsonschema_description:"with a smaller probability of another packet the flow does not wait"`
}

// NoveltySpec says which flows are of no class: by a class or by a model.
type NoveltySpec struct {
	Class    string   `json:"class" jsonschema_description:"a class that stands for all that is unknown; it is never a label, and the same in each stage"`
	File     string   `json:"file" jsonschema_description:"instead of class: LightGBM's text, binary; its second class is unknown flows; not for onnx"`
	Features []string `json:"features" jsonschema:"uniqueItems=true" jsonschema_description:"with file: names of the model's columns, as of a hazard"`
	Above    float64  `json:"above" jsonschema:"required,exclusiveMinimum=0,maximum=1" jsonschema_description:"with a larger probability the flow is unknown, be the stage sure or not; with class, an answer for which it is ahead is unknown too, and final where another would be"`
}

// FamilySpec is a group of classes.
type FamilySpec struct {
	Name      string   `json:"name" jsonschema:"required,minLength=1,maxLength=64" jsonschema_description:"as labels show it; no class has this name, and it is not unknown"`
	Classes   []string `json:"classes" jsonschema:"required,minItems=1,uniqueItems=true" jsonschema_description:"each class is in one family at most, the class of novelty in none; one in none is its own"`
	Threshold *float64 `json:"threshold" jsonschema:"minimum=0,maximum=1" jsonschema_description:"the family is final, with reason family, where 1 less its probability is at most this and the class is not sure; without it, never"`
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
		return nil, manifestError("%w", err)
	}
	if key := duplicateKey(data); key != "" {
		return nil, manifestError("field %q is there twice, and readers differ in which one counts; %s", key, rewrite)
	}
	if field, what := faultyField(data, reflect.TypeFor[Manifest](), misnamed); field != "" {
		return nil, manifestError("field %q %s; %s", field, what, rewrite)
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
		return fmt.Errorf("%s is %q: made for a newer ServeFlow, this one reads %q; upgrade serveflow", field, got, want)
	}
	return fmt.Errorf("%s is %q, not %q; %s", field, got, want, rewrite)
}
