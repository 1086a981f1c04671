package truth

import (
	"cmp"
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// missingColumn is the error of a file that lacks a column.
type missingColumn string

func (m missingColumn) Error() string { return "no column " + string(m) }

// row is a line of a labels file.
type row struct {
	fields []string
	column map[string]int
	file   string
}

// known is the flow that the row labels; chosen is whether the row was asked for, and names the
// connection that a flow begins with.
func (r row) known(choose Options) (k Known, chosen bool, err error) {
	label, split := cmp.Or(choose.Question, "label"), choose.splitColumn(r.has)
	name, err := r.must(label)
	switch {
	case err != nil:
		return k, false, err
	case r.get("starts_flow") == "0", choose.Question != "" && name == "", choose.Split != "" && r.get(split) != choose.Split:
		return k, false, nil
	case name == "":
		return k, false, fmt.Errorf("%s is empty", label)
	case !isName(name):
		return k, false, fmt.Errorf("%s is %q, not one line of up to 64 characters without spaces around it", label, name)
	}
	k.Label = strings.Clone(name)
	return k, true, r.find(&k, split)
}

// find fills in what finds the flow, and its capture.
func (r row) find(k *Known, split string) (err error) {
	data := r.has("first_ts_us") || r.has("src_ip")
	if k.Capture = strings.Clone(cmp.Or(r.get("capture_id"), filepath.Base(r.file))); data || r.has(split) && r.get("capture_id") != "" {
		k.Capture = r.get(split) + "/" + k.Capture
	}
	if k.UID = strings.Clone(r.get("uid")); k.UID != "" {
		return nil
	}
	src, dst := [2]string{"orig_h", "orig_p"}, [2]string{"resp_h", "resp_p"}
	if data {
		src, dst = [2]string{"src_ip", "src_port"}, [2]string{"dst_ip", "dst_port"}
	}
	var sides [2]netip.AddrPort
	for i, side := range [2][2]string{src, dst} {
		address, err := r.address(side[0])
		if err != nil {
			return err
		}
		port, err := r.port(side[1])
		if err != nil {
			return err
		}
		sides[i] = netip.AddrPortFrom(address, port)
	}
	proto, err := r.text("proto")
	if err != nil {
		return err
	}
	k.Ends = NewEnds(sides[0], sides[1], proto)
	if data {
		k.First, err = r.number("first_ts_us")
		return err
	}
	text, err := r.text("ts_first")
	if err != nil {
		return err
	}
	if k.First, err = microseconds(text); err != nil {
		return fmt.Errorf("ts_first is %q, not a time in seconds", text)
	}
	return nil
}

// has reports whether the file has the column.
func (r row) has(column string) bool { _, ok := r.column[column]; return ok }

// get is the value of a column; empty where there is none.
func (r row) get(column string) string {
	if i, ok := r.column[column]; ok && i < len(r.fields) {
		return r.fields[i]
	}
	return ""
}

// must is the value of a column that the file must have; the value may be empty.
func (r row) must(column string) (string, error) {
	if !r.has(column) {
		return "", missingColumn(column)
	}
	return r.get(column), nil
}

// text is a value that may not be empty.
func (r row) text(column string) (string, error) {
	value, err := r.must(column)
	if err == nil && value == "" {
		err = fmt.Errorf("%s is empty", column)
	}
	return value, err
}

func (r row) address(column string) (netip.Addr, error) {
	text, err := r.text(column)
	if err != nil {
		return netip.Addr{}, err
	}
	at, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%s is %s, not an IP address", column, text)
	}
	return at, nil
}

func (r row) port(column string) (uint16, error) {
	at, err := r.number(column)
	if err == nil && (at < 0 || at > 65535) {
		err = fmt.Errorf("%s is %d, not a port from 0 to 65535", column, at)
	}
	return uint16(at), err
}

func (r row) number(column string) (int64, error) {
	text, err := r.text(column)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is %s, not a whole number", column, text)
	}
	return n, nil
}

// microseconds are epoch seconds as decimal text, exactly.
func microseconds(text string) (int64, error) {
	whole, part, _ := strings.Cut(text, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || seconds < 0 || seconds > 1<<40 {
		return 0, fmt.Errorf("no time: %q", text)
	}
	micros, err := strconv.ParseUint((part + "000000")[:6], 10, 32)
	return seconds*1_000_000 + int64(micros), err
}

// isName reports whether a bundle may have it as the name of a class.
func isName(name string) bool {
	printable := strings.IndexFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
	return utf8.RuneCountInString(name) <= 64 && name == strings.TrimSpace(name) && printable
}
