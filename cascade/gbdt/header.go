package gbdt

import (
	"fmt"
	"strings"
)

const trainGBDT = "train with objective=multiclass or binary (sigmoid=1), boosting=gbdt or dart, linear_tree=false"

// twoClasses is the objective of a model with one tree a round, whose score's sigmoid is
// the probability of the second class.
const twoClasses = "binary sigmoid:1"

var headerFields = set("version num_class num_tree_per_iteration label_index max_feature_idx objective average_output " +
	"feature_names monotone_constraints feature_infos tree_sizes")

// parseHeader checks the header and begins the text for leaves.
func parseHeader(l *lines) (*file, error) {
	s, err := l.section("header", headerFields)
	if err != nil {
		return nil, err
	}
	if err := checkKind(s); err != nil {
		return nil, err
	}
	f := &file{}
	if f.scores, err = scoresOf(s); err != nil {
		return nil, err
	}
	last, err := s.integer("max_feature_idx", 0, maxFeatures-1)
	if err != nil {
		return nil, err
	}
	if f.names, err = featureNames(s, last+1); err != nil {
		return nil, err
	}
	f.uses = make([]uint8, last+1)
	if f.sizes, err = treeSizes(s, f.scores); err != nil {
		return nil, err
	}
	// leaves reads v2 and v3 the same way, and v4 differs from v3 in this line only.
	fmt.Fprintf(&f.text, "version=v3\nnum_class=%d\nnum_tree_per_iteration=%d\nmax_feature_idx=%d\ntree_sizes=%s\n\n",
		f.scores, f.scores, last, f.sizes.value)
	return f, nil
}

// scoresOf gives the number of scores of a row: one a class, or one for two classes. It is
// also the number of trees in a round.
func scoresOf(s *section) (int, error) {
	o, least := s.fields["objective"], 2
	if o.value == twoClasses {
		least = 1
	}
	n, err := s.integer("num_class", least, maxClasses)
	if err != nil {
		return 0, err
	}
	if err := s.exactly("num_tree_per_iteration", n); err != nil {
		return 0, err
	}
	if want := fmt.Sprintf("multiclass num_class:%d", n); o.value != want && !(o.value == twoClasses && n == 1) {
		return 0, damaged(o.line, s.name, "objective %s does not fit num_class=%d", quote(o.value), n)
	}
	return n, nil
}

// checkKind accepts only models that are known to be read correctly: plain multiclass,
// where all scores go through one softmax, and two classes with one score.
func checkKind(s *section) error {
	version, err := s.get("version")
	if err != nil {
		return err
	}
	if v := version.value; v != "v2" && v != "v3" && v != "v4" {
		return &fileError{version.line, s.name, "version " + quote(v) + " is none of v2, v3, v4", "save the model with LightGBM 4.6"}
	}
	if f, ok := s.fields["average_output"]; ok {
		return &fileError{f.line, s.name, "average_output: a random forest (boosting=rf) is not served", trainGBDT}
	}
	objective, ok := s.fields["objective"]
	if !ok {
		return &fileError{s.line, s.name, "no objective: a custom one is not served", trainGBDT}
	}
	if name, _, _ := strings.Cut(objective.value, " "); name != "multiclass" && objective.value != twoClasses {
		return &fileError{objective.line, s.name, "objective " + quote(objective.value) + " is not served", trainGBDT}
	}
	return nil
}

// featureNames reads the n names, which must be unique.
func featureNames(s *section, n int) ([]string, error) {
	f, err := s.get("feature_names")
	if err != nil {
		return nil, err
	}
	names := strings.Split(f.value, " ")
	if len(names) != n {
		return nil, damaged(f.line, s.name, "feature_names has %d names, and max_feature_idx=%d", len(names), n-1)
	}
	seen := make(map[string]bool, n)
	for i, name := range names {
		if name == "" || strings.Contains(name, "=") || seen[name] {
			return nil, &fileError{f.line, s.name, fmt.Sprintf("feature_names: name %d is %s: empty, doubled, or with a '='", i+1, quote(name)),
				"train with unique names of letters, digits and underscores"}
		}
		seen[name] = true
	}
	return names, nil
}

// treeSizes gives the lengths of the trees. Each round of training has one for each class.
func treeSizes(s *section, classes int) (field, error) {
	f, err := s.get("tree_sizes")
	if err != nil {
		return f, err
	}
	n := strings.Count(f.value, " ") + 1
	if f.value == "" || n > maxTrees || n%classes != 0 {
		return f, damaged(f.line, s.name, "tree_sizes has %d trees; it takes at least one and at most %d, a multiple of the %d classes",
			len(strings.Fields(f.value)), maxTrees, classes)
	}
	return f, nil
}
