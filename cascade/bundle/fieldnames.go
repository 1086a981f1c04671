package bundle

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
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
