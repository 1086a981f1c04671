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

// faultyField gives the first field that is at fault in an object, or in one of its lists' objects.
func faultyField(data []byte, like reflect.Type, fault func([]byte, reflect.Type) (field, what string)) (field, what string) {
	if field, what = fault(data, like); field != "" {
		return field, what
	}
	for i := range like.NumField() {
		list := like.Field(i)
		if list.Type.Kind() != reflect.Slice || list.Type.Elem().Kind() != reflect.Struct {
			continue
		}
		var fields map[string]json.RawMessage
		var objects []json.RawMessage
		if json.Unmarshal(data, &fields) != nil || json.Unmarshal(fields[list.Tag.Get("json")], &objects) != nil {
			continue
		}
		for _, object := range objects {
			if field, what = fault(object, list.Type.Elem()); field != "" {
				return field, what
			}
		}
	}
	return "", ""
}
