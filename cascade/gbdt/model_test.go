package gbdt

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestModelDescribesItself(t *testing.T) {
	m := load(t, unzip(t, "three.txt.gz"))
	if m.Classes() != 3 || m.Width() != 12 {
		t.Fatalf("%d classes, %d features", m.Classes(), m.Width())
	}
	names := m.FeatureNames()
	if len(names) != 12 || names[11] != "f11" {
		t.Fatalf("names %q", names)
	}
	names[0] = "changed"
	if m.FeatureNames()[0] != "f0" {
		t.Fatal("a caller can change the model's names")
	}
}

func TestPredictChecksLengths(t *testing.T) {
	m := load(t, unzip(t, "three.txt.gz"))
	for _, c := range []struct {
		name          string
		rows, n, outs int
	}{
		{"row too short", 11, 1, 3},
		{"row too long", 13, 1, 3},
		{"out too short", 12, 1, 2},
		{"out too long", 12, 1, 4},
		{"fewer rows than told", 12, 2, 6},
		{"negative", 12, -1, 3},
	} {
		err := m.Predict(make([]float32, c.rows), c.n, make([]float64, c.outs))
		if err == nil || !strings.Contains(err.Error(), "features") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := m.Predict(nil, 0, nil); err != nil {
		t.Errorf("no rows: %v", err)
	}
}

func TestPredictConcurrently(t *testing.T) {
	m := load(t, unzip(t, "categories.txt.gz"))
	rows, want, n := table(t, "categories", m)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got := make([]float64, len(want))
			if err := m.Predict(rows, n, got); err != nil {
				t.Error(err)
			}
			if !slices.Equal(got, want) {
				t.Error("another answer in parallel")
			}
		})
	}
	wg.Wait()
}

func TestPredictAllocatesNothing(t *testing.T) {
	m := load(t, unzip(t, "ten.txt.gz"))
	rows, out := make([]float32, 4*m.Width()), make([]float64, 4*m.Classes())
	allocs := testing.AllocsPerRun(1000, func() {
		if err := m.Predict(rows, 4, out); err != nil {
			t.Fatal(err)
		}
	})
	if allocs >= 1 {
		t.Fatalf("%v allocations a call", allocs)
	}
}

func BenchmarkPredict(b *testing.B) {
	for _, name := range []string{"three", "ten", "categories"} {
		b.Run(name, func(b *testing.B) {
			m := load(b, unzip(b, name+".txt.gz"))
			rows, _, n := table(b, name, m)
			out := make([]float64, m.Classes())
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				at := i % n * m.Width() // distinct rows: one repeated flatters the branch predictor
				if err := m.Predict(rows[at:at+m.Width()], 1, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A fault of the leaves library is an error, not the end of the process.
func TestPanicsOfLeavesAreErrors(t *testing.T) {
	m := load(t, unzip(t, "categories.txt.gz"))
	m.walked = nil
	err := m.Predict(make([]float32, m.Width()), 1, make([]float64, m.Classes()))
	if err == nil || !strings.HasPrefix(err.Error(), "gbdt: predict: panic: ") {
		t.Error(err)
	}
	f, err := parse(unzip(t, "three.txt.gz"))
	if err != nil {
		t.Fatal(err)
	}
	children := regexp.MustCompile(`left_child=\d+`)
	_, err = readTrees(children.ReplaceAll(f.text.Bytes(), []byte("left_child=999999")))
	if err == nil || !strings.HasPrefix(err.Error(), "panic: ") {
		t.Error(err)
	}
}

func TestLimitsOfAFile(t *testing.T) {
	if _, err := parse(make([]byte, 256<<20+1)); err == nil || !strings.Contains(err.Error(), "the limit is 268435456") {
		t.Error(err)
	}
	if _, err := parse(make([]byte, 256<<20)); err == nil || strings.Contains(err.Error(), "limit") {
		t.Errorf("a file of the largest size: %v", err)
	}
	number := func(limit int) error {
		s, err := (&lines{rest: "n=5\n"}).section("header", set("n"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.integer("n", 0, limit)
		return err
	}
	if err := number(5); err != nil {
		t.Error(err)
	}
	if err := number(4); err == nil || !strings.Contains(err.Error(), "n is 5, the limit is 4") {
		t.Error(err)
	}
}

// A tree keeps its categories even if it has one split by category only, and a leaf may
// have the largest score.
func TestTreeOfOneCategory(t *testing.T) {
	const text = "num_leaves=2\nnum_cat=1\nsplit_feature=0\nthreshold=0\ndecision_type=1\nleft_child=-1\nright_child=-2\n" +
		"leaf_value=1e100 -1e100\ncat_boundaries=0 1\ncat_threshold=6\n"
	s, err := (&lines{rest: text}).section("tree 0", treeFields)
	if err != nil {
		t.Fatal(err)
	}
	f := &file{names: []string{"x"}, uses: make([]uint8, 1)}
	if err := f.parseTree(s); err != nil {
		t.Fatal(err)
	}
	if got := f.text.String(); !strings.Contains(got, "cat_boundaries=0 1\ncat_threshold=6\n") || f.uses[0] != byCategory {
		t.Errorf("column used as %d, text %q", f.uses[0], got)
	}
}

func TestBlankLinesBetweenTrees(t *testing.T) {
	whole := unzip(t, "three.txt.gz")
	load(t, bytes.Replace(whole, []byte("\n\nTree=0"), []byte("\n\n\nTree=0"), 1))
}

func TestQuoteCutsLongText(t *testing.T) {
	long := strings.Repeat("x", 41)
	if got := quote(long[:40]); got != `"`+long[:40]+`"` {
		t.Error(got)
	}
	if got := quote(long); got != `"`+long[:40]+`"...` {
		t.Error(got)
	}
}
