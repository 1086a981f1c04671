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

// decode is strict: a field that is not known is an error, and so is what follows the value.
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

// jsonProblem says what is wrong in JSON text in the file's terms, not in Go's.
func jsonProblem(data []byte, err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		line := 1 + bytes.Count(data[:min(int(syntax.Offset), len(data))], []byte("\n"))
		return fmt.Sprintf("line %d: not JSON: %v", line, syntax)
	case errors.As(err, &kind):
		return fmt.Sprintf("%s is of the JSON type %s where %s is due", cmp.Or(kind.Field, "the whole"), kind.Value, due(kind.Type))
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// due names a Go type as the schema's author would.
func due(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int:
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

// doubled gives the first key that an object of the JSON text has twice, where upper
// and lower case count as the same: encoding/json would take the last one in silence.
func doubled(data []byte) string {
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
			folded := strings.ToLower(key)
			if top.keys[folded] {
				return key
			}
			top.keys[folded], top.value = true, true
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
