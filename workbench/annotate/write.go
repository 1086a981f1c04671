package annotate

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
)

// Write writes the flows that have a label, in the order of the records, and returns how many
// they are: CSV with uid, orig_h, orig_p, resp_h, resp_p, proto, ts_first in epoch seconds, label
// and source. files are the names of the record files; where there are several, a column
// capture_id has them. With splits, a column split has what Split makes of the file's name.
func (l *Labeller) Write(w io.Writer, files []string, splits bool) (int, error) {
	out := csv.NewWriter(bufio.NewWriterSize(w, 1<<16))
	fields := []string{"uid", "orig_h", "orig_p", "resp_h", "resp_p", "proto", "ts_first", "label", "source"}
	if len(files) > 1 {
		fields = append(fields, "capture_id")
	}
	if splits {
		fields = append(fields, "split")
	}
	n := 0
	if err := out.Write(fields); err != nil {
		return 0, fmt.Errorf("write the labels: %w", err)
	}
	for i := range l.table.flows {
		f := &l.table.flows[i]
		if f.source == 0 {
			continue
		}
		orig, resp := f.orig(), f.resp()
		fields = append(fields[:0], f.uid, orig.Addr().String(), strconv.Itoa(int(orig.Port())), resp.Addr().String(), strconv.Itoa(int(resp.Port())),
			protocolName(f.ends.proto), seconds(f.first), l.labels[f.label], l.source[f.source-1])
		if len(files) > 1 {
			fields = append(fields, files[f.file])
		}
		if splits {
			fields = append(fields, Split(files[f.file]))
		}
		if err := out.Write(fields); err != nil {
			return n, fmt.Errorf("write the labels: %w", err)
		}
		n++
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return n, fmt.Errorf("write the labels: %w", err)
	}
	return n, nil
}

// Split is the part of a data set that a file of records is, by its name: what comes before the first
// dot, such as train of own/train.jsonl.zst.
func Split(file string) string {
	name, _, _ := strings.Cut(filepath.Base(file), ".")
	return name
}

// seconds writes microseconds as seconds, exactly.
func seconds(us int64) string {
	sign := ""
	if us < 0 {
		sign, us = "-", -us
	}
	return fmt.Sprintf("%s%d.%06d", sign, us/1e6, us%1e6)
}
