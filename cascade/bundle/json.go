package bundle

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// decode is strict: an unknown field is an error, and so is text after the value.
func decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more follows the first JSON value")
	}
	return nil
}

// jsonProblem says what is wrong in JSON text, in the words of the file's author, not of Go.
func jsonProblem(data []byte, err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		line := 1 + bytes.Count(data[:min(int(syntax.Offset), len(data))], []byte("\n"))
		text := fmt.Sprintf("line %d: not JSON: %v", line, syntax)
		if isNumberOfPython(data[max(0, min(int(syntax.Offset), len(data))-1):]) {
			text += " (NaN and Infinity are no numbers of JSON; a feature that is absent is -1)"
		}
		return text
	case errors.As(err, &kind):
		return fmt.Sprintf("%s is of the JSON type %s where %s is due", cmp.Or(kind.Field, "the whole"), kind.Value, typeName(kind.Type))
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// isNumberOfPython reports whether text begins as Python's json writes what is no number,
// which JSON has no word for.
func isNumberOfPython(text []byte) bool {
	return bytes.HasPrefix(text, []byte("NaN")) || bytes.HasPrefix(text, []byte("Infinity"))
}

// typeName names a Go type in the words of the file's author.
func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Float32:
		return "a number of at most 3.4e38"
	case reflect.Float64:
		return "a number"
	case reflect.String:
		return "text"
	case reflect.Slice:
		return "a list"
	}
	return "an object"
}

// duplicateKey gives the first key that an object of the JSON text has twice: encoding/json would
// silently take the last one. Names of classes differ in case; a field that does is misnamed.
func duplicateKey(data []byte) string {
	type level struct {
		keys  map[string]bool // nil in a list
		value bool            // a key has come, its value is next
	}
	levels := []level{{}}
	for d := json.NewDecoder(bytes.NewReader(data)); ; {
		token, err := d.Token()
		if err != nil {
			return "" // the end, or what decode complains about
		}
		top := &levels[len(levels)-1]
		key, isText := token.(string)
		switch {
		case token == json.Delim('}') || token == json.Delim(']'):
			levels = levels[:len(levels)-1]
			continue
		case top.keys != nil && !top.value && isText:
			if top.keys[key] {
				return key
			}
			top.keys[key], top.value = true, true
			continue
		}
		top.value = false
		if token == json.Delim('{') {
			levels = append(levels, level{keys: make(map[string]bool)})
		} else if token == json.Delim('[') {
			levels = append(levels, level{})
		}
	}
}
