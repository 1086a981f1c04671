package judge

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// evaluation is one whose flows follow from their numbers: 240 of 12 captures, and 60 others.
func evaluation() *Evaluation {
	labels := []string{"a", "b", "c"}
	var whole, first, slow []said
	for i := range 300 {
		is := labels[i%3]
		f := said{is, fmt.Sprintf("capture %02d", i%12), is, .98, "first", 0}
		l := said{is, f.capture, is, .9, "slow", int64(20 + 40*(i%60))}
		if i%7 == 0 {
			f.label, f.confidence = labels[(i+1)%3], .6
		}
		if i%11 == 0 {
			l.label, l.confidence = labels[(i+2)%3], .7
		}
		w := f
		if f.confidence < .7 || i%5 == 0 {
			w = l
		}
		if i%40 == 0 {
			w.label, w.confidence = "unknown", .8
		}
		for _, one := range []*said{&f, &l, &w} {
			switch {
			case i%29 == 0:
				one.label = ""
			case i%31 == 0:
				one.truth = "other"
			case i >= 240:
				one.truth = ""
			}
		}
		whole, first, slow = append(whole, w), append(first, f), append(slow, l)
	}
	return &Evaluation{Schema: Schema, Task: "t", Bundle: "t@1", Digest: strings.Repeat("0123456789abcdef", 4),
		Run:     Run{Input: "packets", Records: 3000, Foreign: 2, Flows: 290, Unlabelled: 1, Idle: 2000, Lateness: 200, Stages: []string{"first", "slow"}, CPU: 40},
		Figures: Judge(collect(whole), []Stage{{"first", collect(first)}, {"slow", collect(slow)}})}
}

// The names and the figures of the JSON do not change by themselves. The pages and the summary
// are tested with this file, too.
func TestGolden(t *testing.T) {
	const golden = "testdata/evaluation.json"
	got, err := json.MarshalIndent(evaluation(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs: see what by go test -update and git diff", golden)
	}
}

// docs/eval.md tells each name of the JSON.
func TestEachNameIsTold(t *testing.T) {
	page, err := os.ReadFile("../../docs/eval.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[reflect.Type]bool{}
	var look func(of reflect.Type)
	look = func(of reflect.Type) {
		for of.Kind() == reflect.Slice || of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || seen[of] {
			return
		}
		seen[of] = true
		for i := range of.NumField() {
			name := of.Field(i).Tag.Get("json")
			if name == "" || !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("docs/eval.md does not tell of %q, %s.%s", name, of.Name(), of.Field(i).Name)
			}
			look(of.Field(i).Type)
		}
	}
	look(reflect.TypeOf(Evaluation{}))
}
