package annotate

import (
	"bufio"
	"errors"
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
	case table.has("uid"):
		return l, nil
	}
	return nil, errForm("it has not the columns orig_h,orig_p,resp_h,resp_p,proto,ts_first,label, nor src_ip,src_port,dst_ip,dst_port,proto,first_ts_us,label, nor uid,label")
}

// labelTable are the rows of a file of labels.
type labelTable struct {
	table   *csvTable
	columns [6]string // of the 5-tuple and the time; empty where the uid tells
}

func (l *labelTable) next() (*row, error) {
	in, err := l.table.next()
	if err != nil {
		return nil, err
	}
	r := &row{line: in.line, final: true}
	if label := in.get("label"); label != "" {
		r.names = []string{label}
	}
	c := l.columns
	if c[0] == "" {
		if r.uid = in.get("uid"); r.uid == "" {
			return nil, &unread{in.line, errors.New("it has no uid")}
		}
		r.anyEnds = true
		return r, nil
	}
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
	return r, nil
}
