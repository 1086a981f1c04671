package main

import (
	"bytes"
	"path/filepath"
	"regexp"
	"testing"
)

const mixed = "./testdata/mixed"

var times = regexp.MustCompile(`\d+\.\d+s`)

func TestRun(t *testing.T) {
	for _, test := range []struct {
		name           string
		args           []string
		fails, mustNot string
		ok             bool
		want           string
	}{
		{"skips", []string{mixed}, "", "", true, `ok  	github.com/serveflow/serveflow/scripts/gotest/testdata/mixed	T
skipped: 2 tests: no moon
skipped: mixed.TestLong: on purpose: it takes a month
`},
		{"nothing may skip", []string{"-run", "Missing", mixed}, "", "1", false, `ok  	github.com/serveflow/serveflow/scripts/gotest/testdata/mixed	T
skipped: mixed.TestMissing: no moon
`},
		{"but on purpose", []string{"-run", "Long", mixed}, "", "1", true, `ok  	github.com/serveflow/serveflow/scripts/gotest/testdata/mixed	T
skipped: mixed.TestLong: on purpose: it takes a month
`},
		{"a failure", []string{"-run", "Fails|Passes", mixed}, "1", "", false, `=== RUN   TestFails
    mixed_test.go:12: before
    mixed_test.go:13: behind
--- FAIL: TestFails (T)
FAIL
FAIL	github.com/serveflow/serveflow/scripts/gotest/testdata/mixed	T
skipped: none
failed: mixed.TestFails
	before
	behind
`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("MIXED_FAILS", test.fails)
			t.Setenv("TESTS_MUST_NOT_SKIP", test.mustNot)
			var out bytes.Buffer
			ok, err := run(append([]string{"-count=1"}, test.args...), "", &out)
			if err != nil {
				t.Fatal(err)
			}
			if got := times.ReplaceAllString(out.String(), "T"); ok != test.ok || got != test.want {
				t.Errorf("passes: %v, and says\n%s\nwant %v\n%s", ok, got, test.ok, test.want)
			}
		})
	}
}

// Two steps add to a list, and a third run prints it.
func TestListOfSteps(t *testing.T) {
	t.Setenv("TESTS_MUST_NOT_SKIP", "1")
	file := filepath.Join(t.TempDir(), "skipped")
	var out bytes.Buffer
	for _, pattern := range []string{"Missing", "Table"} {
		if ok, err := run([]string{"-run", pattern, mixed}, file, &out); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	out.Reset()
	if ok, err := run(nil, file, &out); ok || err != nil {
		t.Errorf("passes: %v, with error %v", ok, err)
	}
	if want := "skipped: 2 tests: no moon\n"; out.String() != want {
		t.Errorf("says %q, not %q", out.String(), want)
	}
}

// A test that its package's end cuts short has said why.
func TestPanic(t *testing.T) {
	var out bytes.Buffer
	p := printer{out: &out, written: map[testName]string{}}
	for _, line := range []string{
		`{"Action":"output","Package":"a/b","Test":"TestX","Output":"panic: no\n"}`,
		`{"Action":"output","Package":"a/b","Output":"FAIL\ta/b\t0.1s\n"}`,
		`{"Action":"fail","Package":"a/b","Elapsed":0.1}`,
		`no JSON`,
	} {
		p.line([]byte(line + "\n"))
	}
	if want := "FAIL\ta/b\t0.1s\npanic: no\nno JSON\n"; out.String() != want {
		t.Errorf("says %q, not %q", out.String(), want)
	}
}
