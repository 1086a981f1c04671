package offset

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Writers keeps by which bundles labels may have been written for flows of a partition that
// the checkpoint still needs, and since when. A checkpoint that is stamped with that tells
// whoever resumes at it with another bundle where to look for such labels.
//
// It is for the partition's goroutine alone.
type Writers struct {
	marks []mark // in order of offset; the first says what the low watermark's flow may have
	from  int64  // marks are made from this offset on
}

// mark says that records from an offset on are read after a time, while bundles were held.
type mark struct {
	offset  int64
	since   time.Time
	bundles []string
}

const (
	// writersForm begins a stamp, behind the rest of the metadata: then the time in seconds
	// since the epoch, and the bundles with commas between.
	writersForm = " by/1 "
	// mostWriters is how many bundles a stamp names: with more, the metadata might not fit.
	mostWriters = 30
	more        = "more" // in place of the others
	// markAgain is how old the mark of a partition may be that needs nothing, before there is a
	// new one. Whoever resumes there looks at labels that are so much older than needed.
	markAgain = time.Minute
)

// Resume begins at a checkpoint of a partition that ends before end. It gives by which
// bundles labels may have been written, and since when; none if the checkpoint does not say.
func (w *Writers) Resume(at Checkpoint, end int64, now time.Time) (bundles []string, since time.Time) {
	bundles, since = at.writers()
	if since.IsZero() {
		since = now
	}
	w.marks, w.from = []mark{{offset: at.Low, since: since, bundles: bundles}}, end
	return bundles, since
}

// Mark notes which bundles are held while the partition's next record is yet to be read and
// low is the low watermark. What was labelled before the partition was resumed lies below
// its end at that time, so up to there the first mark stands for all.
func (w *Writers) Mark(low, next int64, bundles []string, now time.Time) {
	last := &w.marks[len(w.marks)-1]
	for _, name := range bundles {
		if !slices.Contains(last.bundles, name) {
			last.bundles = append(slices.Clone(last.bundles), name)
		}
	}
	if w.UpToEnd(next) {
		return
	}
	if moved, old := next > last.offset, low == next && now.Sub(last.since) > markAgain; moved || old {
		w.marks = append(w.marks, mark{offset: next, since: now, bundles: bundles})
	}
}

// Stamp adds to a checkpoint what is known at it.
func (w *Writers) Stamp(at Checkpoint) Checkpoint {
	for len(w.marks) > 1 && w.marks[1].offset <= at.Low {
		w.marks = w.marks[1:]
	}
	var all []string
	for _, m := range w.marks {
		all = append(all, m.bundles...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if len(all) > mostWriters {
		all = append(all[:mostWriters], more)
	}
	at.Metadata += fmt.Sprintf("%s%d %s", writersForm, w.marks[0].since.Unix(), strings.Join(all, ","))
	return at
}

// Covers reports whether all of these bundles are among those that a stamp names, as far as a
// stamp has room for them.
func Covers(named, bundles []string) bool {
	if slices.Contains(named, more) {
		return true
	}
	return !slices.ContainsFunc(bundles, func(name string) bool { return !slices.Contains(named, name) })
}

// UpToEnd reports whether a partition whose next record is this one still reads what lay in it
// when it was resumed: labels of these flows may have been written before.
func (w *Writers) UpToEnd(next int64) bool { return next < w.from }

// writers reads a stamp. Without one there are no bundles, and the time is zero.
func (at Checkpoint) writers() (bundles []string, since time.Time) {
	_, stamp, _ := strings.Cut(at.Metadata, writersForm)
	seconds, names, _ := strings.Cut(stamp, " ")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || names == "" {
		return nil, time.Time{}
	}
	return strings.Split(names, ","), time.Unix(unix, 0)
}
