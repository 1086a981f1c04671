package bundle

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// misnamed gives the first field of an object that encoding/json would take although the
// schema refuses it, and what is wrong with it: it takes Task for task, and null for nothing.
// The object's type is that of like. Other faults are left to decode.
func misnamed(data []byte, like reflect.Type) (field, what string) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		return "", ""
	}
	known := make([]string, like.NumField())
	for i := range known {
		known[i] = like.Field(i).Tag.Get("json")
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		switch near := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, name) }); {
		case near >= 0 && known[near] != name:
			return name, "is written " + known[near]
		case near >= 0 && string(fields[name]) == "null":
			return name, "is null: leave it out, or give it a value"
		}
	}
	return "", ""
}

// misnamedField looks for such fields in the manifest and in its stages.
func misnamedField(data []byte) (field, what string) {
	if field, what = misnamed(data, reflect.TypeFor[Manifest]()); field != "" {
		return field, what
	}
	var m struct {
		Stages []json.RawMessage `json:"stages"`
	}
	if json.Unmarshal(data, &m) != nil {
		return "", ""
	}
	for _, stage := range m.Stages {
		if field, what = misnamed(stage, reflect.TypeFor[StageSpec]()); field != "" {
			return field, what
		}
	}
	return "", ""
}
