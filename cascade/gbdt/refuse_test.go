package gbdt

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// edits each spoil the model of categories.txt.gz in one place: the first match of
// the pattern is replaced. $1 and so on stand for what its groups matched.
var edits = []struct{ name, pattern, replacement string }{
	{"not a model", `^tree`, "PK"},
	{"xgboost", `(?s)^.*$`, `{"learner":{}}`},
	{"empty", `(?s)^.*$`, ""},
	{"converted line ends", `\nversion`, "\r\nversion"},
	{"other first line", `^tree`, "trees"},
	{"newer version", `version=v4`, "version=v5"},
	{"no version", `version=v4\n`, ""},
	{"version twice", `version=v4\n`, "version=v4\nversion=v4\n"},
	{"random forest", `(objective=.*\n)`, "${1}average_output\n"},
	{"binary", `num_class=4\nnum_tree_per_iteration=4\n((?s).*)objective=.*`, "num_class=1\nnum_tree_per_iteration=1\n${1}objective=binary sigmoid:2"},
	{"binary with four scores", `objective=.*`, "objective=binary sigmoid:1"},
	{"multiclass with one score", `num_class=4\nnum_tree_per_iteration=4\n`, "num_class=1\nnum_tree_per_iteration=1\n"},
	{"binary with two trees a round", `num_class=4\nnum_tree_per_iteration=4\n((?s).*)objective=.*`, "num_class=1\nnum_tree_per_iteration=2\n${1}objective=binary sigmoid:1"},
	{"regression with reg_sqrt", `objective=.*`, "objective=regression sqrt"},
	{"multiclassova", `objective=.*`, "objective=multiclassova num_class:4 sigmoid:1"},
	{"cross_entropy", `objective=.*`, "objective=cross_entropy"},
	{"custom objective", `objective=.*\n`, ""},
	{"linear tree", `is_linear=0`, "is_linear=1"},
	{"one class", `num_class=4`, "num_class=1"},
	{"too many classes", `num_class=4`, "num_class=1025"},
	{"classes and trees a round", `num_tree_per_iteration=4`, "num_tree_per_iteration=2"},
	{"classes and objective", `num_class:4`, "num_class:5"},
	{"too many features", `max_feature_idx=5`, "max_feature_idx=65536"},
	{"fewer names", `feature_names=f0 `, "feature_names="},
	{"name with =", `feature_names=f0`, "feature_names=f=0"},
	{"name twice", `feature_names=f0`, "feature_names=f1"},
	{"empty name", `feature_names=f0`, "feature_names="},
	{"no trees", `tree_sizes=.*`, "tree_sizes="},
	{"trees not a multiple of classes", `tree_sizes=\d+ `, "tree_sizes="},
	{"a round fewer in tree_sizes", `tree_sizes=\d+ \d+ \d+ \d+ `, "tree_sizes="},
	{"a round more in tree_sizes", `tree_sizes=(\d+ \d+ \d+ \d+) `, "tree_sizes=$1 $1 "},
	{"wrong tree size", `tree_sizes=\d+`, "tree_sizes=17"},
	{"tree size with a sign", `tree_sizes=`, "tree_sizes=+"},
	{"unknown field in the header", `version=v4`, "version=v4\nflavour=1"},
	{"unknown field in a tree", `is_linear=0`, "is_vectorial=0"},
	{"field without =", `num_cat=\d+`, "num_cat"},
	{"tree out of order", `Tree=1`, "Tree=2"},
	{"no leaves", `num_leaves=15`, "num_leaves=0"},
	{"leaves beyond memory", `num_leaves=15`, "num_leaves=10000000000"},
	{"fewer leaves", `num_leaves=15`, "num_leaves=14"},
	{"infinite leaf", `leaf_value=\S+`, "leaf_value=inf"},
	{"leaves whose sum is infinite", `leaf_value=\S+`, "leaf_value=1e308"},
	{"leaf not a number", `leaf_value=\S+`, "leaf_value=-1.2.3"},
	{"no thresholds", `threshold=.*\n`, ""},
	{"NaN threshold", `(\nthreshold=0 1 2 3) \S+`, "$1 nan"},
	{"threshold overflows", `(\nthreshold=0 1 2 3) \S+`, "$1 1e999"},
	{"feature out of range", `split_feature=1`, "split_feature=6"},
	{"negative feature", `split_feature=1`, "split_feature=-1"},
	{"unknown missing type", `decision_type=9`, "decision_type=13"},
	{"fewer decisions", `decision_type=9 `, "decision_type="},
	{"root as a child", `left_child=-1`, "left_child=0"},
	{"child that is its parent", `(left_child=-1) 2`, "$1 1"},
	{"child beyond the splits", `left_child=-1`, "left_child=14"},
	{"leaf beyond the leaves", `left_child=-1`, "left_child=-16"},
	{"leaf reached twice", `left_child=-1`, "left_child=-4"},
	{"split reached twice", `left_child=-1`, "left_child=2"},
	{"child not a whole number", `left_child=-1`, "left_child=-1.0"},
	{"two spaces", `left_child=-1 `, "left_child=-1  "},
	{"feature by threshold and category", `split_feature=1 1 0 1 3`, "split_feature=1 1 0 1 1"},
	{"split no longer by category", `decision_type=9`, "decision_type=8"},
	{"category count", `num_cat=6`, "num_cat=5"},
	{"category index", `(\nthreshold)=0 1`, "$1=1 0"},
	{"category sets", `cat_boundaries=0 3 6`, "cat_boundaries=0 6 3"},
	{"category sets start", `cat_boundaries=0`, "cat_boundaries=1"},
	{"category sets beyond memory", `(cat_boundaries=0 3 6 7 10 11) 12`, "$1 4294967295"},
	{"no category in a set", `cat_threshold=\d+ \d+ \d+`, "cat_threshold=0 0 0"},
	{"category word", `cat_threshold=\d+`, "cat_threshold=4294967296"},
	{"no end of trees", `end of trees`, ""},
	{"cut in a tree", `(?s)Tree=9.*`, "Tree=9\nnum_leaves=15\nnum"},
	{"cut between trees", `(?s)Tree=9.*`, ""},
	{"cut after the trees", `(?s)end of trees.*`, ""},
}

func TestRefusals(t *testing.T) {
	good := unzip(t, "categories.txt.gz")
	load(t, good)
	var got strings.Builder
	for _, e := range edits {
		at := regexp.MustCompile(e.pattern).FindSubmatchIndex(good)
		if at == nil {
			t.Fatalf("%s: nothing to edit", e.name)
		}
		bad := regexp.MustCompile(e.pattern).Expand(bytes.Clone(good[:at[0]]), []byte(e.replacement), good, at)
		bad = append(bad, good[at[1]:]...)
		_, err := Load(bad)
		if err == nil {
			t.Errorf("%s: no error", e.name)
			continue
		}
		if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "; ") {
			t.Errorf("%s: not one line with a remedy: %q", e.name, err)
		}
		fmt.Fprintf(&got, "%s\n\t%v\n", e.name, err)
	}
	golden(t, "testdata/refusals.golden", got.String())
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s\nrun the test with -update if that is meant", path, got)
	}
}
