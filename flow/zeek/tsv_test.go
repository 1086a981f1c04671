package zeek

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// tsvObjects converts a whole log. It returns a line of JSON, or an error, per record.
func tsvObjects(log []byte) string {
	var out strings.Builder
	var tsv TSV
	for line := range bytes.Lines(log) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		is, err := tsv.Header(line)
		if is && err == nil {
			continue
		}
		var object []byte
		if !is {
			object, err = tsv.Append(nil, line)
		}
		if err != nil {
			fmt.Fprintln(&out, "error:", err)
			continue
		}
		fmt.Fprintf(&out, "%s\n", object)
	}
	return out.String()
}

// TestTSVGolden compares what TSV logs become with the golden file: Zeek's own logs, and
// unusual values, separators and headers.
func TestTSVGolden(t *testing.T) {
	log, err := os.ReadFile("testdata/logs.tsv")
	if err != nil {
		t.Fatal(err)
	}
	got := tsvObjects(log)
	const golden = "testdata/logs.tsv.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for line := range strings.Lines(got) {
		if !strings.HasPrefix(line, "error:") && !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

// A record must decode to the same, whether it was written as JSON or as TSV.
func TestTSVParity(t *testing.T) {
	input, err := os.ReadFile("testdata/records.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range bytes.Lines(input) {
		var plain, viaTSV Decoder
		var want, got Record
		if plain.Decode(line, &want) != nil || want.Kind == Other {
			continue
		}
		log, ok := tsvOf(line)
		if !ok {
			continue
		}
		object := strings.TrimSpace(tsvObjects([]byte(log)))
		if err := viaTSV.Decode([]byte(object), &got); err != nil || !same(got, want) {
			t.Errorf("%v\n%s\n%s\ngot\n%+v\nwant\n%+v", err, line, object, got, want)
		}
		n++
	}
	if n < 20 {
		t.Errorf("only %d records compared", n)
	}
}

// tsvTypes are the types of the columns of the Zeek package.
var tsvTypes = map[string]string{"ts": "time", "id.orig_p": "port", "id.resp_p": "port", "n": "count", "is_orig": "bool",
	"ip_len": "count", "plen": "count", "ttl": "count", "flags": "count", "win": "count", "sent": "count", "duration": "interval",
	"orig_pkts": "count", "resp_pkts": "count", "orig_ip_bytes": "count", "resp_ip_bytes": "count", "orig_bytes": "count", "resp_bytes": "count"}

// tsvOf turns a flat JSON record into a TSV log of one line. Times get six decimals.
func tsvOf(line []byte) (string, bool) {
	var fields map[string]any
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if d.Decode(&fields) != nil {
		return "", false
	}
	names, types, values := "#fields", "#types", []string{}
	for name, value := range fields {
		text := fmt.Sprint(value)
		switch v := value.(type) {
		case bool:
			text = map[bool]string{true: "T", false: "F"}[v]
		case nil, map[string]any, []any:
			return "", false
		case json.Number:
			if name == "ts" {
				us, _ := parseMicros([]byte(text))
				text = fmt.Sprintf("%d.%06d", us/1e6, us%1e6)
			}
		case string:
			text = strings.NewReplacer("\\", `\x5c`, "\t", `\x09`, "\n", `\x0a`).Replace(v)
		}
		kind := tsvTypes[name]
		if kind == "" {
			kind = "string"
		}
		names, types, values = names+"\t"+name, types+"\t"+kind, append(values, text)
	}
	return "#separator \\x09\n" + names + "\n" + types + "\n" + strings.Join(values, "\t") + "\n", true
}

// FuzzTSV checks that every line of a log becomes one JSON object or an *Error.
func FuzzTSV(f *testing.F) {
	log, err := os.ReadFile("testdata/logs.tsv")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(log)
	f.Add([]byte("#separator |\n#fields|a|a\n#types|set[double]|vector[bool]\n-|(empty)\n1,-|T,F\n#types|time\n\\x|\\xff"))
	f.Add([]byte("#separator |\n#fields|a\n#types|set[int]\n#set_separator|\n1,2")) // such a header once made Append loop for ever
	f.Fuzz(func(t *testing.T, log []byte) {
		var tsv TSV
		var d Decoder
		var rec Record
		for line := range bytes.Lines(log) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			is, err := tsv.Header(line)
			var object []byte
			if !is {
				object, err = tsv.Append(nil, line)
			}
			var e *Error
			if err != nil && !errors.As(err, &e) {
				t.Fatalf("not an *Error: %v", err)
			}
			if is || err != nil {
				continue
			}
			if !json.Valid(object) {
				t.Fatalf("%q became %q", line, object)
			}
			if err := d.Decode(object, &rec); errors.As(err, &e) && e.Reason == BadSyntax {
				t.Fatalf("%q became %q: %v", line, object, err)
			}
		}
	})
}
