package bundle

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// misnamedField gives the first field of the manifest, or of an object in it, that encoding/json
// would take although the schema refuses it, and what is wrong with it: it takes Task for task,
// and null for nothing. Other faults are left to decode.
func misnamedField(data []byte) (field, what string) {
	return misnamed(data, reflect.TypeFor[Manifest]())
}

// misnamed looks into a value that is due to be of the type.
func misnamed(data []byte, due reflect.Type) (field, what string) {
	switch due.Kind() {
	case reflect.Pointer:
		return misnamed(data, due.Elem())
	case reflect.Slice:
		var all []json.RawMessage
		if json.Unmarshal(data, &all) != nil {
			return "", ""
		}
		for _, one := range all {
			if field, what = misnamed(one, due.Elem()); field != "" {
				return field, what
			}
		}
	case reflect.Struct:
		return misnamedIn(data, due)
	}
	return "", ""
}

func misnamedIn(data []byte, due reflect.Type) (field, what string) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		return "", ""
	}
	known := make([]string, due.NumField())
	for i := range known {
		known[i] = due.Field(i).Tag.Get("json")
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		near := slices.IndexFunc(known, func(k string) bool { return strings.EqualFold(k, name) })
		switch {
		case near < 0:
			continue
		case known[near] != name:
			return name, "is written " + known[near]
		case string(fields[name]) == "null":
			return name, "is null: leave it out, or give it a value"
		}
		if field, what = misnamed(fields[name], due.Field(near).Type); field != "" {
			return field, what
		}
	}
	return "", ""
}
