package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMutations(t *testing.T) {
	for _, test := range []struct {
		name, code string
		want       []string
	}{
		{"comparison", "_ = a < b", []string{"< becomes <= in a < b"}},
		{"logic and sums", "_ = p && a+b == 0", []string{
			"&& becomes || in p && a+b == 0", "+ becomes - in a+b", "== becomes != in a+b == 0", "0 becomes 1"}},
		{"condition", "if p { }", []string{"condition negated: p"}},
		{"a comparison is not negated as well", "if a == b { }", []string{"== becomes != in a == b"}},
		{"twice on a line", "_ = a == 0 && b == 0", []string{"== becomes != in a == 0", "0 becomes 1",
			"&& becomes || in a == 0 && b == 0", "== becomes != in b == 0", "0 becomes 1 (2)"}},
		{"result", "_ = func() (int, bool) { return a, p }", []string{"result negated: p"}},
		{"statements", "a = b; a++; f(); defer f(); go f(); c <- a",
			[]string{"dropped: a = b", "dropped: a++", "dropped: f()", "dropped: defer f()", "dropped: go f()", "dropped: c <- a"}},
		{"branches", "switch { case p: f() }; select { case <-c: f() }", []string{"dropped: f()", "dropped: f() (2)"}},
		{"logs", `log.Info("n", "n", 1); s.log.Warn("n"); s.Log.Error("n"); panic(1)`, nil},
		{"texts", `s.text = "a" + "b"`, []string{`dropped: s.text = "a" + "b"`}},
		{"capacities", "_ = make([]int, 2, 3); _ = make(map[int]int, 4); _ = make(chan int, 5)",
			[]string{"2 becomes 3", "5 becomes 6"}},
		{"buckets", "_ = opts{Buckets: []int{1, 2}}", nil},
		{"sizes", "_ = [4]int{7}", []string{"7 becomes 8"}},
		{"time", "_ = 5 * time.Second; _ = time.Second * 5; _ = 5 * a", []string{"5 becomes 6"}},
		{"constants", "const ( x = iota + 1; y ); const z = 0x10", []string{"0x10 becomes 17"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			found, err := findMutants("x.go", []byte("package x; func _() {\n"+test.code+"\n}"))
			if err != nil {
				t.Fatal(err)
			}
			slices.SortStableFunc(found, mutant.compare)
			var got []string
			for _, m := range found {
				got = append(got, m.what)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%s has the mutants %q, not %q", test.code, got, test.want)
			}
		})
	}
}

func TestTinyPackage(t *testing.T) {
	allowed := filepath.Join(t.TempDir(), "equivalent.txt")
	err := os.WriteFile(allowed, []byte(`# a comment
scripts/mutate/testdata/tiny/tiny.go: 0 becomes 1
	c.n = 0
	for the test

scripts/mutate/testdata/tiny/tiny.go: + becomes - in a + b
	return a + b
	there was such a line
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	o := options{pkg: "./testdata/tiny", files: regexp.MustCompile(""), equivalent: allowed, jobs: 1, timeout: 3 * time.Second, memory: 1024}
	if err := mutate(t.Context(), o, &out); err != nil {
		t.Fatal(err)
	}
	const want = `scripts/mutate/testdata/tiny/tiny.go:25: dropped: c.n = 0
	c.n = 0
scripts/mutate/testdata/tiny/tiny.go:30: < becomes <= in n < 10
	for n < 10 {
scripts/mutate/testdata/tiny/tiny.go:30: 10 becomes 11
	for n < 10 {
./testdata/tiny: 9 of 12 mutants killed, 75.0% (1 of them by time); 0 did not compile, 1 are named equivalent
equivalent.txt names a mutant that is not there: scripts/mutate/testdata/tiny/tiny.go: + becomes - in a + b
	return a + b
`
	if got := strings.ReplaceAll(out.String(), allowed, "equivalent.txt"); got != want {
		t.Errorf("the output is\n%s\nnot\n%s", got, want)
	}
}
