package bundle

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/serveflow/serveflow/internal/nearest"
)

// faultyField gives the first field that is at fault in a value that is due to be of a type, or in
// an object inside it. fault looks at one object.
func faultyField(data []byte, due reflect.Type, fault func([]byte, reflect.Type) (field, what string)) (field, what string) {
	switch due.Kind() {
	case reflect.Pointer:
		return faultyField(data, due.Elem(), fault)
	case reflect.Slice:
		var all []json.RawMessage
		if json.Unmarshal(data, &all) != nil {
			return "", ""
		}
		for _, one := range all {
			if field, what = faultyField(one, due.Elem(), fault); field != "" {
				return field, what
			}
		}
	case reflect.Struct:
		if field, what = fault(data, due); field != "" {
			return field, what
		}
		var fields map[string]json.RawMessage
		if json.Unmarshal(data, &fields) != nil {
			return "", ""
		}
		for i := range due.NumField() {
			inside, there := fields[due.Field(i).Tag.Get("json")]
			if !there {
				continue
			}
			if field, what = faultyField(inside, due.Field(i).Type, fault); field != "" {
				return field, what
			}
		}
	}
	return "", ""
}

// misnamed gives the first field of an object that encoding/json would take although the
// schema refuses it, or that it has no good words for, and what is wrong with it: it takes Task
// for task, and null for nothing or 0. The object's type is that of like. Other faults are left
// to decode.
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
		case near < 0:
			return name, "is not known" + meant(name, known)
		case string(fields[name]) == "null":
			return name, "is null: leave it out, or give it a value"
		case hasNull(fields[name], like.Field(near).Type.Kind()):
			return name, "has a null in it: leave that out, or give it a value"
		case string(fields[name]) == "0" && optionalFromOne(like.Field(near).Tag.Get("jsonschema")):
			return name, "is 0: leave it out, or choose 1 or more"
		}
	}
	return "", ""
}

// meant says which known name an unknown one may have been meant to be.
func meant(name string, known []string) string {
	if near := nearest.Like(name, known); near != "" {
		return fmt.Sprintf(": the nearest is %q", near)
	}
	return ""
}

// hasNull reports whether a list or a map of the JSON text has a null.
func hasNull(data []byte, kind reflect.Kind) bool {
	var values []json.RawMessage
	switch kind {
	case reflect.Slice:
		_ = json.Unmarshal(data, &values) // a fault is left to decode
	case reflect.Map:
		var fields map[string]json.RawMessage
		_ = json.Unmarshal(data, &fields)
		values = slices.Collect(maps.Values(fields))
	}
	return slices.ContainsFunc(values, func(v json.RawMessage) bool { return string(v) == "null" })
}

// optionalFromOne reports whether a field's tag says that it may be left out, and is 1 or more
// where it is there: encoding/json gives 0 for both.
func optionalFromOne(tag string) bool {
	parts := strings.Split(tag, ",")
	return slices.Contains(parts, "minimum=1") && !slices.Contains(parts, "required")
}

// missing gives the first field of the type that an object does not have.
func missing(data []byte, like reflect.Type) (field, what string) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil {
		return "", ""
	}
	for i := range like.NumField() {
		name := like.Field(i).Tag.Get("json")
		if _, there := fields[name]; !there && name != "-" {
			return name, "is missing"
		}
	}
	return "", ""
}
