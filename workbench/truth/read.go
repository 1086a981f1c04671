package truth

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// needed is said of a file that lacks a column.
const needed = "it needs split,capture_id,src_ip,src_port,dst_ip,dst_port,proto,first_ts_us,label, or orig_h,orig_p,resp_h,resp_p,proto,ts_first,label, or uid,label"

// Options choose among the rows of a labels file.
type Options struct {
	Split    string // the rows of this split; the file must then have splits. Empty: all
	Question string // the column of labels, with QUESTION_split, or else split, beside it; rows without an answer are passed over. Empty: label
}

// Read reads a labels file, CSV with a header line: each flow once, one at least. Further columns do
// no harm. The error is one line that names the file and how to mend it.
func Read(in io.Reader, name string, choose Options) ([]Known, error) {
	data, err := io.ReadAll(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; give a file that can be read", name, err)
	}
	rows, err := newRows(data, name)
	if err != nil {
		return nil, err
	}
	if err := rows.haveSplit(choose); err != nil {
		return nil, err
	}
	var all []Known
	splits := map[string]bool{} // that are not the one asked for
	seen := map[Known]int{}     // by what finds the flow
	for {
		r, err := rows.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		k, chosen, err := r.known(choose)
		switch {
		case err != nil:
			return nil, rows.fault(err)
		case !chosen:
			if split := r.get(choose.splitColumn(r.has)); split != "" && r.get("starts_flow") != "0" {
				splits[strings.Clone(split)] = true
			}
			continue
		}
		i, again := seen[k.found()]
		switch {
		case !again:
			seen[k.found()] = len(all)
			all = append(all, k)
		case all[i].Label != k.Label:
			return nil, fmt.Errorf("%s: %s is labelled %q, and again %q; keep the row that is right", name, k.said(), all[i].Label, k.Label)
		}
	}
	switch {
	case len(all) > 0:
		return all, nil
	case choose.Split != "" && len(splits) > 0:
		return nil, fmt.Errorf("%s has no row%s: the splits there are %s; ask for one of them", name, choose.asked(), some(slices.Sorted(maps.Keys(splits))))
	}
	return nil, fmt.Errorf("%s has no row%s: give the labels of some flows", name, choose.asked())
}

// found is what finds the flow.
func (k Known) found() Known {
	if k.UID != "" {
		return Known{UID: k.UID}
	}
	return Known{Ends: k.Ends, First: k.First}
}

// said names the flow.
func (k Known) said() string {
	if k.UID != "" {
		return "the flow " + k.UID
	}
	return fmt.Sprintf("the %s flow between %s port %d and %s port %d whose first packet is at %d.%06d", k.Ends.Proto, k.Ends.A.Addr(), k.Ends.A.Port(),
		k.Ends.B.Addr(), k.Ends.B.Port(), k.First/1e6, k.First%1e6)
}

// asked says which rows were chosen.
func (o Options) asked() (words string) {
	if o.Split != "" {
		words = fmt.Sprintf(" of split %q", o.Split)
	}
	if o.Question != "" {
		words += fmt.Sprintf(" with an answer to %q", o.Question)
	}
	return words
}

// splitColumn is the column of splits: the question's own, where the file has it.
func (o Options) splitColumn(has func(column string) bool) string {
	if own := o.Question + "_split"; o.Question != "" && has(own) {
		return own
	}
	return "split"
}

// some are a few of the names, as a list.
func some(names []string) string {
	const most = 10
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
