package annotate

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
)

// openLabels reads labels that are there: those of this package, those of the training data, or
// by uid alone.
func openLabels(in io.Reader) (rows, error) {
	table, err := openCSV(bufio.NewReader(in))
	if err != nil {
		return nil, err
	}
	l := &labelTable{table: table}
	switch {
	case !table.has("label"):
	case table.has("orig_h", "orig_p", "resp_h", "resp_p", "proto", "ts_first"):
		l.columns = [6]string{"orig_h", "orig_p", "resp_h", "resp_p", "proto", "ts_first"}
		return l, nil
	case table.has("src_ip", "src_port", "dst_ip", "dst_port", "proto", "first_ts_us"):
		l.columns = [6]string{"src_ip", "src_port", "dst_ip", "dst_port", "proto", "first_ts_us"}
		return l, nil
	}
	return nil, errForm("it has not the columns orig_h,orig_p,resp_h,resp_p,proto,ts_first,label, nor src_ip,src_port,dst_ip,dst_port,proto,first_ts_us,label")
}

type labelTable struct {
	table   *csvTable
	columns [6]string
}

func (l *labelTable) next() (*row, error) {
	in, err := l.table.next()
	if err != nil {
		return nil, err
	}
	c := l.columns
	r := &row{line: in.line, final: true}
	if r.ends, err = (tuple{in.get(c[0]), in.get(c[1]), in.get(c[2]), in.get(c[3]), in.get(c[4])}).ends(); err != nil {
		return nil, &unread{in.line, err}
	}
	if c[5] == "first_ts_us" {
		if r.first, err = strconv.ParseInt(in.get(c[5]), 10, 64); err != nil {
			err = fmt.Errorf("first_ts_us is %q, not a time in microseconds", in.get(c[5]))
		}
	} else {
		r.first, err = microseconds(in.get(c[5]))
	}
	if err != nil {
		return nil, &unread{in.line, err}
	}
	r.last = r.first
	if label := in.get("label"); label != "" {
		r.names = []string{label}
	}
	return r, nil
}

// Write writes the flows that have a label, in the order of the records, and returns how many
// they are: CSV with uid, orig_h, orig_p, resp_h, resp_p, proto, ts_first in epoch seconds, label
// and source. files are the names of the record files; where there are several, a column
// capture_id has them.
func (l *Labeller) Write(w io.Writer, files []string) (int, error) {
	out := csv.NewWriter(bufio.NewWriterSize(w, 1<<16))
	fields := []string{"uid", "orig_h", "orig_p", "resp_h", "resp_p", "proto", "ts_first", "label", "source"}
	if len(files) > 1 {
		fields = append(fields, "capture_id")
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

// seconds writes microseconds as seconds, exactly.
func seconds(us int64) string {
	sign := ""
	if us < 0 {
		sign, us = "-", -us
	}
	return fmt.Sprintf("%s%d.%06d", sign, us/1e6, us%1e6)
}
