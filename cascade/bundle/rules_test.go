package bundle

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/cascade/answer"
)

// sideModel is a binary model of these columns. It gives 1 where column at is at most bound,
// else -2.
func sideModel(columns []string, at int, bound float64) string {
	tree := fmt.Sprintf("Tree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=%d\nthreshold=%v\ndecision_type=2\nleft_child=-1\nright_child=-2\nleaf_value=1 -2\nshrinkage=1\n\n\n", at, bound)
	return fmt.Sprintf("tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=%d\nobjective=binary sigmoid:1\n"+
		"feature_names=%s\nfeature_infos=%s\ntree_sizes=%d\n\n%send of trees\n\nparameters:\n[boosting: gbdt]\nend of parameters\n",
		len(columns)-1, strings.Join(columns, " "), strings.TrimSpace(strings.Repeat("[-1:5] ", len(columns))), len(tree), tree)
}

// sideColumns are of the flow and of the answer, and not in that order.
var sideColumns = []string{"answer_p1", "p1_ip_len", "answer_first", "proto"}

// withSide gives the first stage a side model with parity rows.
func withSide(kind string, spec object) change {
	return func(t *testing.T, dir string) {
		write(t, dir, kind+".txt", []byte(sideModel(sideColumns, 1, 300)))
		edit(t, dir, "parity.json", func(p object) {
			p["features"].(object)["first."+kind] = sideColumns
			p["rows"] = append(p["rows"].([]any), object{"stage": "first." + kind, "x": []float64{.7, 40, 0, 6}, "scores": []float64{0, 1}},
				object{"stage": "first." + kind, "x": []float64{.7, 301, 1, 6}, "scores": []float64{0, -2}})
		})
		with := object{"file": kind + ".txt", "features": sideColumns}
		for field, value := range spec {
			put(with, field, value)
		}
		setStage(0, kind, with)(t, dir)
		seal(t, dir, kind+".txt")
		seal(t, dir, "parity.json")
	}
}

func TestSides(t *testing.T) {
	dir := copyBundle(t, "trees")
	all(withSide("hazard", object{"below": .3}), withSide("novelty", object{"above": .9}), setStage(0, "max_depth", 2),
		setStage(0, "thresholds", object{"tls": .1}), setStage(0, "gap_uncertainty", .05),
		setStage(0, "patience", []object{{"classes": []string{"dns"}, "packets": 1, "ms": 16}, {"classes": []string{"dns", "tls"}, "ms": 20}, {"packets": 1, "ms": 50}, {"ms": 500.5}}),
		set("families", []object{{"name": "web", "classes": []string{"http", "tls"}, "threshold": .1}}))(t, dir)
	b, err := Load(dir, Standard(""))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := compiled(t).Validate(value(t, dir+"/"+manifestFile)); err != nil {
		t.Error(err)
	}
	for _, side := range []*Side{b.Stages[0].Hazard, b.Stages[0].Novelty} {
		if !slices.Equal(side.Columns, []int{1, 3}) || len(side.Answer) != 2 || side.Answer[0].Column != 0 || side.Answer[1].Column != 2 {
			t.Errorf("%s: columns %v of the flow, %v of the answer", side.Name, side.Columns, side.Answer)
		}
		said := answer.Rank([]float64{.3, .7})
		if got := side.Answer[0].Of(&said); got != .7 {
			t.Errorf("%s: answer_p1 is %v", side.Name, got)
		}
	}
	if s := b.Stages[0]; s.Hazard.Name != "first.hazard" || s.Spec.Hazard.Below != .3 || s.Spec.Novelty.Above != .9 || b.Stages[1].Hazard != nil {
		t.Errorf("%+v", s)
	}
}

// Each spoils the bundle testdata/trees in one way, with the rules that a stage may have.
var ruleRefusals = []refusal{
	{"max_depth below the depth", setStage(1, "max_depth", 2)},
	{"max_depth of 0", setStage(0, "max_depth", 0)},
	{"max_depth too large", setStage(0, "max_depth", 65)},
	{"thresholds of no class", setStage(0, "thresholds", object{"ntp": .1})},
	{"thresholds with null", setStage(0, "thresholds", object{"dns": nil})},
	{"thresholds above 1", setStage(0, "thresholds", object{"dns": 1.1})},
	{"gap_uncertainty above 1", setStage(0, "gap_uncertainty", 1.1)},
	{"patience without a time", setStage(0, "patience", []object{{"packets": 1}})},
	{"patience of no class", setStage(0, "patience", []object{{"ms": 1, "classes": []string{"ntp"}}})},
	{"patience below a microsecond, which would be none", setStage(0, "patience", []object{{"ms": 1e-9}})},
	{"no patience", setStage(0, "patience", []object{})},
	{"patience of null", setStage(0, "patience", []any{nil})},
	{"patience of a class with null", setStage(0, "patience", []object{{"ms": 1, "classes": []any{nil}}})},
	{"patience of a class without a name", setStage(0, "patience", []object{{"ms": 1, "classes": []string{""}}})},
	{"patience of a class twice", setStage(0, "patience", []object{{"ms": 1, "classes": []string{"dns", "dns"}}})},
	{"patience with no packets", setStage(0, "patience", []object{{"ms": 1, "packets": 0}})},
	{"patience of the last stage", setStage(1, "patience", []object{{"ms": 1}})},
	{"patience of a slow stage", all(setStage(1, "engine", "onnx"), setStage(1, "patience", []object{{"ms": 1}}))},
	{"patience behind one for all", setStage(0, "patience", []object{{"ms": 1}, {"ms": 2, "packets": 1}})},
	{"patience behind one for more classes", setStage(0, "patience", []object{{"ms": 1, "classes": []string{"dns", "tls"}}, {"ms": 2, "packets": 1, "classes": []string{"tls"}}})},
	{"patience behind one for its packets", setStage(0, "patience", []object{{"ms": 1, "packets": 1}, {"ms": 2, "packets": 1, "classes": []string{"tls"}}})},
	{"patience of no classes", setStage(0, "patience", []object{{"ms": 1, "classes": []string{}}})},
	{"patience with a wrong field", setStage(0, "patience", []object{{"Ms": 1}})},
	{"patience with fewer packets than the stage looks at", all(setStage(0, "depth", 2), setStage(0, "patience", []object{{"ms": 1, "packets": 1}}))},
	{"patience with the packets of the last stage", setStage(0, "patience", []object{{"ms": 1, "packets": 2}, {"ms": 1, "packets": 3}})},
	{"patience with the packets of the last look", all(setStage(1, "max_depth", 5), setStage(1, "patience", []object{{"ms": 1, "packets": 4}, {"ms": 1, "packets": 5}}))},
	{"patience behind which no stage waits", all(setStage(0, "depth", 3), setStage(0, "patience", []object{{"ms": 1}}))},
	{"patience with packets below 0", setStage(0, "patience", []object{{"ms": 1, "packets": -1}})},
	{"hazard without a bound", withSide("hazard", nil)},
	{"hazard without features", withSide("hazard", object{"below": .5, "features": []string{}})},
	{"hazard whose file is not listed", setStage(0, "hazard", object{"file": "x", "features": sideColumns, "below": .5})},
	{"hazard with null", setStage(0, "hazard", object{"file": nil, "features": sideColumns, "below": .5})},
	{"hazard of the last stage", setStage(1, "hazard", object{"file": "first.txt", "features": sideColumns, "below": .5})},
	{"hazard with an unknown feature of the answer", withSide("hazard", object{"below": .5, "features": []string{"answer_p1", "p1_ip_len", "answer_p9", "proto"}})},
	{"hazard with an unknown feature of the flow", withSide("hazard", object{"below": .5, "features": []string{"answer_p1", "p1_ip_lem", "answer_p2", "proto"}})},
	{"hazard with a feature of a later packet", withSide("hazard", object{"below": .5, "features": []string{"answer_p1", "p2_ip_len", "answer_p2", "proto"}})},
	{"hazard with features in another order", withSide("hazard", object{"below": .5, "features": []string{"p1_ip_len", "answer_p1", "answer_first", "proto"}})},
	{"hazard with three classes", all(withSide("hazard", object{"below": .5, "file": "first.txt"}))},
	{"hazard with other scores", all(withSide("hazard", object{"below": .5}), parityRowSet(-1, "scores", []float64{0, 1}))},
	{"hazard without rows", all(withSide("hazard", object{"below": .5}), parityRowSet(-1, "stage", "first"))},
	{"more packets behind a slow stage", setStage(0, "engine", "onnx")},
	{"another look behind a slow stage", all(setStage(0, "engine", "onnx"), setStage(0, "depth", 3), setStage(1, "max_depth", 4))},
	{"novelty of nothing", setStage(0, "novelty", object{"above": .5})},
	{"novelty of both", withSide("novelty", object{"above": .5, "class": "dns"})},
	{"novelty without a bound", setStage(0, "novelty", object{"class": "dns"})},
	{"novelty of no class", setStage(0, "novelty", object{"class": "ntp", "above": .5})},
	{"novelty of a class with features", setStage(0, "novelty", object{"class": "dns", "above": .5, "features": []string{"proto"}})},
	{"novelty of a class in one stage alone", setStage(0, "novelty", object{"class": "dns", "above": .5})},
	{"novelty's class in a family", all(setStage(0, "novelty", object{"class": "dns", "above": .5}), setStage(1, "novelty", object{"class": "dns", "above": .5}),
		set("families", []object{{"name": "web", "classes": []string{"http", "dns"}}}))},
	{"family called unknown", set("families", []object{{"name": "unknown", "classes": []string{"dns"}}})},
	{"no families", set("families", []object{})},
	{"family without classes", set("families", []object{{"name": "web", "classes": []string{}}})},
	{"family of no class", set("families", []object{{"name": "web", "classes": []string{"ntp"}}})},
	{"family of a class without a name", set("families", []object{{"name": "web", "classes": []string{""}}})},
	{"family of a class with null", set("families", []object{{"name": "web", "classes": []any{nil}}})},
	{"family with a class twice", set("families", []object{{"name": "web", "classes": []string{"dns", "dns"}}})},
	{"family with a class's name", set("families", []object{{"name": "dns", "classes": []string{"dns"}}})},
	{"family twice", set("families", []object{{"name": "web", "classes": []string{"dns"}}, {"name": "web", "classes": []string{"tls"}}})},
	{"class of two families", set("families", []object{{"name": "a", "classes": []string{"dns"}}, {"name": "b", "classes": []string{"dns"}}})},
	{"family with a threshold above 1", set("families", []object{{"name": "a", "classes": []string{"dns"}, "threshold": 2}})},
}

func TestRuleRefusals(t *testing.T) { checkRefusals(t, ruleRefusals, "testdata/rule_refusals.golden") }

// Names and rules that are close to those that are refused are taken.
func TestManifestsThatAreTaken(t *testing.T) {
	novelty := object{"class": "unknown", "above": .5}
	for _, c := range []refusal{
		{"names of classes that differ in case", all(set("classes", []string{"dns", "DNS", "Unknown"}), setStage(0, "thresholds", object{"dns": .1, "DNS": .2}))},
		{"the class of novelty is called unknown", all(set("classes", []string{"dns", "http", "unknown"}), setStage(0, "novelty", novelty), setStage(1, "novelty", novelty))},
		{"packets with which a stage behind waits", setStage(0, "patience", []object{{"ms": 1, "packets": 1}, {"ms": 1, "packets": 2}})},
		{"packets with which the last stage waits", all(setStage(1, "max_depth", 5), setStage(1, "patience", []object{{"ms": 1, "packets": 3}, {"ms": 1, "packets": 4}}))},
	} {
		dir := copyBundle(t, "trees")
		c.change(t, dir)
		m, err := parseManifest(read(t, dir, manifestFile))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if want := m.Stages[0].Thresholds; want != nil && (want["dns"] != .1 || want["DNS"] != .2) {
			t.Errorf("%s: thresholds %v", c.name, want)
		}
	}
}
