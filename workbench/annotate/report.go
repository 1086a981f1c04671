package annotate

import (
	"fmt"
	"time"
)

// Report is what became of the rows of one source.
type Report struct {
	Source  string        // KIND:FILE
	Rows    int           // rows of its kind that could be read
	Hits    int           // of these, rows that matched a flow and have a label
	Agree   int           // flows to which an earlier source gave the same label
	Differ  int           // flows to which an earlier source gave another label, which they keep
	Within  int           // rows that disagree with another row of this source about their flow
	Bad     string        // what is wrong with the first line that cannot be read
	Other   int           // rows of another kind, such as events of EVE that are no alerts
	Skips   []Skip        // why rows gave no label, in the order of their first row
	Names   []Name        // names that fit no pattern, the most frequent first
	Shift   time.Duration // by how much rows at other times begin later than flows between their ends ...
	Shifted int           // ... and how many rows share that; 0: they share nothing
	NoText  int           // the first line whose name is not text in UTF-8; 0: there is none
}

// Skip is a reason with the number of rows to which it applies.
type Skip struct {
	Why  string
	Rows int
}

// Name is a name with the number of rows that have it.
type Name struct {
	Name   string
	Server string // that the client asked for, which says more than a protocol; empty where it is the name, or not known
	Rows   int
}

// String is the name with the server.
func (n Name) String() string {
	if n.Server == "" {
		return n.Name
	}
	return n.Name + ", " + n.Server
}

// Miss is a row that gave no flow a label.
type Miss struct {
	Source, Why, Name string
	Line              int
}

// skip counts a row that gave no label.
func (r *Report) skip(why skip) {
	for i := range r.Skips {
		if r.Skips[i].Why == string(why) {
			r.Skips[i].Rows++
			return
		}
	}
	r.Skips = append(r.Skips, Skip{string(why), 1})
}

// Unread is how many lines could not be read.
func (r *Report) Unread() int {
	for _, s := range r.Skips {
		if s.Why == string(skipUnread) {
			return s.Rows
		}
	}
	return 0
}

// form is the error of a file of which no line is a row; nil for any other.
func (r *Report) form() error {
	if bad := r.Unread(); bad > 0 && r.Rows+r.Other == 0 {
		return errForm(fmt.Sprintf("no line of it can be read (%d refused); %s", bad, r.Bad))
	}
	return nil
}

// Silent reports whether no row has a name.
func (r *Report) Silent() bool {
	return r.Rows > 0 && len(r.Skips) == 1 && r.Skips[0] == Skip{string(skipNothing), r.Rows}
}
