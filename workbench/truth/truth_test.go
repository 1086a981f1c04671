package truth

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

const data = `split,capture_id,src_ip,src_port,dst_ip,dst_port,proto,first_ts_us,packets,bytes,label
train,7,10.0.0.1,1024,10.0.0.2,53,17,1000000,2,120,dns
test,7,10.0.0.1,1025,10.0.0.2,53,17,2000000,2,120,dns
train,8,10.0.0.1,1024,10.0.0.2,53,17,301000000,2,120,infra
`

func read(t *testing.T, text string, choose Options) []Known {
	t.Helper()
	all, err := Read(strings.NewReader(text), "dir/labels.csv", choose)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func ends(a, b, proto string) Ends {
	return NewEnds(netip.MustParseAddrPort(a), netip.MustParseAddrPort(b), proto)
}

// Each kind of columns gives the same flows.
func TestColumns(t *testing.T) {
	pair := ends("10.0.0.1:1024", "10.0.0.2:53", "udp")
	for _, c := range []struct {
		name, text string
		choose     Options
		want       Known
	}{
		{"the data set's", data, Options{}, Known{Ends: pair, First: 1_000_000, Label: "dns", Capture: "train/7"}},
		{"a split of it", data, Options{Split: "test"}, Known{Ends: ends("10.0.0.2:53", "10.0.0.1:1025", "17"), First: 2_000_000, Label: "dns", Capture: "test/7"}},
		{"the lab's", "orig_h,orig_p,resp_h,resp_p,proto,ts_first,label\n10.0.0.1,1024,10.0.0.2,53,udp,1.000001,dns\n", Options{},
			Known{Ends: pair, First: 1_000_001, Label: "dns", Capture: "labels.csv"}},
		{"with other line ends, a mark of UTF-8, capitals and a long address", "\ufefforig_h,orig_p,resp_h,resp_p,proto,ts_first,label\r2001:0DB8::0001,1024,10.0.0.2,53,UDP,1.5,dns\r", Options{},
			Known{Ends: ends("10.0.0.2:53", "[2001:db8::1]:1024", "udp"), First: 1_500_000, Label: "dns", Capture: "labels.csv"}},
		{"by uid", "uid,orig_h,orig_p,resp_h,resp_p,proto,ts_first,label,source,capture_id\nC1,10.0.0.1,1024,10.0.0.2,53,udp,1.000001,dns,zeek,a\n", Options{},
			Known{UID: "C1", Label: "dns", Capture: "a"}},
		{"by uid, with no other column", "uid,label\nC1,dns\n", Options{}, Known{UID: "C1", Label: "dns", Capture: "labels.csv"}},
		{"with splits, and captures of them", "uid,split,capture_id,label\nC1,test,7,dns\n", Options{Split: "test"}, Known{UID: "C1", Label: "dns", Capture: "test/7"}},
		{"of several connections of a flow", "uid,label,starts_flow\nC0,dns,0\nC1,dns,1\n", Options{}, Known{UID: "C1", Label: "dns", Capture: "labels.csv"}},
		{"with splits alone", "uid,split,label\nC1,test,dns\n", Options{}, Known{UID: "C1", Label: "dns", Capture: "labels.csv"}},
		{"the first second of time", "orig_h,orig_p,resp_h,resp_p,proto,ts_first,label\n10.0.0.1,1024,10.0.0.2,53,udp,0.5,dns\n", Options{}, Known{Ends: pair, First: 500_000, Label: "dns", Capture: "labels.csv"}},
		{"a row without its uid", "uid,orig_h,orig_p,resp_h,resp_p,proto,ts_first,label\n,10.0.0.1,1024,10.0.0.2,53,udp,1,dns\n", Options{},
			Known{Ends: pair, First: 1_000_000, Label: "dns", Capture: "labels.csv"}},
		{"of several questions", "split,capture_id,src_ip,src_port,dst_ip,dst_port,proto,first_ts_us,service,service_split\nx,7,10.0.0.1,1024,10.0.0.2,53,17,1,,\nx,7,10.0.0.1,1024,10.0.0.2,53,17,2,ads,test\n",
			Options{Question: "service", Split: "test"}, Known{Ends: pair, First: 2, Label: "ads", Capture: "test/7"}},
		{"of a question without splits of its own", "split,capture_id,src_ip,src_port,dst_ip,dst_port,proto,first_ts_us,label,platform\ntest,7,10.0.0.1,1024,10.0.0.2,53,17,2,ads,hub\ntrain,7,10.0.0.1,1024,10.0.0.2,53,17,3,ads,hub\n",
			Options{Question: "platform", Split: "test"}, Known{Ends: pair, First: 2, Label: "hub", Capture: "test/7"}},
		{"twice the same", "uid,label\nC1,dns\nC1,dns\n", Options{}, Known{UID: "C1", Label: "dns", Capture: "labels.csv"}},
	} {
		if all := read(t, c.text, c.choose); all[0] != c.want || len(all) > 1 && c.text != data {
			t.Errorf("%s: %+v, want %+v", c.name, all, c.want)
		}
	}
}

// Each fault is one line that names the file, the line or column, and a remedy.
func TestFaults(t *testing.T) {
	const lab = "orig_h,orig_p,resp_h,resp_p,proto,ts_first,label\n"
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "dir/labels.csv is empty; it needs split,"},
		{"no row", lab, `dir/labels.csv has no row: give the labels of some flows`},
		{"other columns", "a,b\n1,2\n", `dir/labels.csv: no column "label"; it needs split,`},
		{"a column less", "orig_h,orig_p,resp_h,resp_p,ts_first,label\n10.0.0.1,1,10.0.0.2,2,1,dns\n", `no column "proto"; it needs split,`},
		{"semicolons", "uid;label\n", "its columns are separated by semicolons; separate them by commas"},
		{"tabs", "uid\tlabel\n", "its columns are separated by tabs"},
		{"no address", lab + "printer,1,10.0.0.2,2,tcp,1,dns\n", "line 2: orig_h is printer, not an IP address; correct the line, or leave it out"},
		{"no port", lab + "10.0.0.1,70000,10.0.0.2,2,tcp,1,dns\n", "orig_p is 70000, not a port from 0 to 65535"},
		{"no number", lab + "10.0.0.1,x,10.0.0.2,2,tcp,1,dns\n", "orig_p is x, not a whole number"},
		{"no time", lab + "10.0.0.1,1,10.0.0.2,2,tcp,noon,dns\n", `ts_first is "noon", not a time in seconds`},
		{"a time before the epoch", lab + "10.0.0.1,1,10.0.0.2,2,tcp,-1,dns\n", `ts_first is "-1", not a time in seconds`},
		{"no label", lab + "10.0.0.1,1,10.0.0.2,2,tcp,1,\n", "line 2: label is empty"},
		{"a short line", lab + "10.0.0.1,1,10.0.0.2,2,tcp,1\n", "line 2 has 6 fields, and the header 7; write a field with a comma in quotation marks"},
		{"two columns of one name", "label,uid, label\na,C1,b\n", `dir/labels.csv: columns 1 and 3 are both called "label"; rename one of them`},
		{"a label with a space", lab + "10.0.0.1,1,10.0.0.2,2,tcp,1,dns \n", `label is "dns ", not one line of up to 64 characters`},
		{"two labels", "uid,label\nC1,dns\nC1,http\n", `the flow C1 is labelled "dns", and again "http"; keep the row that is right`},
		{"two labels of a 5-tuple", lab + "10.0.0.1,1,10.0.0.2,2,tcp,1,dns\n10.0.0.2,2,10.0.0.1,1,tcp,1,http\n",
			`the tcp flow between 10.0.0.1 port 1 and 10.0.0.2 port 2 whose first packet is at 1.000000 is labelled "dns"`},
		{"an open quotation mark", lab + "\"10.0.0.1,1\n", "line 2: extraneous or missing \" in quoted-field; is a quotation mark left open there?"},
		{"not UTF-8", "uid,label\nC1,\xff\n", "not text in UTF-8, from byte 13 on; save it as UTF-8"},
	} {
		all, err := Read(strings.NewReader(c.text), "dir/labels.csv", Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, %v, want %s", c.name, all, err, c.want)
		}
	}
}

// A split that is asked for must be there, and no line that is broken is passed over as one of another split.
func TestFaultsOfSplits(t *testing.T) {
	for _, c := range []struct {
		name, text string
		choose     Options
		want       string
	}{
		{"no splits", "uid,label\nC1,dns\n", Options{Split: "test"}, `dir/labels.csv: no column "split", by which split "test" would be found; add it`},
		{"no splits of a question", "uid,label,os\nC1,dns,x\n", Options{Split: "test", Question: "os"}, `no column "split"`},
		{"none of it", "uid,split,label\nC1,train,dns\nC2,calib,dns\n", Options{Split: "test"}, `has no row of split "test": the splits there are calib, train; ask for one of them`},
		{"none of it to a question", "uid,split,os_split,os\nC1,test,train,x\n", Options{Split: "test", Question: "os"}, `the splits there are train;`},
		{"no row at all", "uid,split,label\n", Options{Split: "test"}, `has no row of split "test": give the labels of some flows`},
		{"a comma without quotation marks", "uid,label,split\nC1,dns,test\nC2,a,b,test\n", Options{Split: "test"}, `line 3 has 4 fields, and the header 3`},
		{"a short line", "uid,label,split\nC1,dns,test\nC2,a\n", Options{Split: "test"}, `line 3 has 2 fields, and the header 3`},
	} {
		all, err := Read(strings.NewReader(c.text), "dir/labels.csv", c.choose)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, %v, want %s", c.name, all, err, c.want)
		}
	}
	// Columns without a name are no columns, as spreadsheets write them behind the others.
	read(t, "uid,label,,\nC1,dns,,\n", Options{})
}

// The first connection stands for a flow; one that begins before it, or too late, is of no flow.
func TestMatch(t *testing.T) {
	flows := NewFlows(append(read(t, data, Options{Split: "train"}), Known{UID: "C9", Label: "http"}, Known{UID: "C8", Label: "ads"}))
	pair := ends("10.0.0.2:53", "10.0.0.1:1024", "udp")
	got := flows.Match([]Connection{
		{"C1", pair, 999_999}, {"C2", pair, 62_000_000}, {"C3", pair, 1_000_300}, {"C4", pair, 301_000_000}, {"C5", pair, 500_000_000},
		{"C9", pair, 1_000_000}, // by its uid alone
		{"", ends("10.0.0.2:53", "10.0.0.1:1024", "tcp"), 1_000_000},
	})
	if len(got) != 4 || got[0] != 2 || got[1] != 3 || got[2] != 5 || got[3] != -1 {
		t.Errorf("got %v", got)
	}
	unsorted := NewFlows([]Known{{Ends: pair, First: 300_000_000}, {Ends: pair, First: 1_000_000}})
	if got := unsorted.Match([]Connection{{"C1", pair, 2_000_000}, {"C2", pair, 300_000_000}}); got[0] != 1 || got[1] != 0 {
		t.Errorf("flows that are not in order: %v", got)
	}
	for first, want := range map[int64]int{999_999: -1, 1_000_000: 0, 120_999_999: 0, 121_000_000: -1, 301_000_000: 1} {
		if got := flows.Owner(Connection{"C1", pair, first}); got != want {
			t.Errorf("a connection that begins at %d: flow %d, want %d", first, got, want)
		}
	}
	if got := strings.Join(flows.Captures(), " "); got != " train/7 train/8" {
		t.Errorf("captures %q", got)
	}
}

// A shift is one that at least half of the flows with known ends share.
func TestShift(t *testing.T) {
	one, two := ends("10.0.0.1:1", "10.0.0.2:2", "tcp"), ends("10.0.0.1:3", "10.0.0.2:2", "tcp")
	flows := NewFlows([]Known{{Ends: one, First: 1e6}, {Ends: one, First: 50e6}, {Ends: two, First: 9e6}, {UID: "C9"}})
	for _, c := range []struct {
		name  string
		all   []Connection
		by    time.Duration
		flows int
	}{
		{"none", nil, 0, 0},
		{"an hour", []Connection{{"C1", one, 3601e6 + 5}, {"C2", one, 3650e6}, {"C3", two, 3609e6}}, time.Hour, 3},
		{"no two alike", []Connection{{"C1", one, 3601e6}, {"C3", two, 7209e6}}, 0, 0},
	} {
		if by, n := flows.Shift(c.all); by != c.by || n != c.flows {
			t.Errorf("%s: %v of %d, want %v of %d", c.name, by, n, c.by, c.flows)
		}
	}
}

// No text makes it panic, and what is read has a label.
func FuzzRead(f *testing.F) {
	f.Add(data, "train", "")
	f.Add("uid,label\nC1,dns\n", "", "label")
	f.Fuzz(func(t *testing.T, text, split, question string) {
		all, err := Read(strings.NewReader(text), "f", Options{Split: split, Question: question})
		if err == nil && len(all) == 0 {
			t.Fatal("no flow, and no error")
		}
		for _, k := range all {
			if k.Label == "" || !isName(k.Label) {
				t.Fatalf("%+v", k)
			}
		}
	})
}
