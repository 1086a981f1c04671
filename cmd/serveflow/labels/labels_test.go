package labels

import (
	"strings"
	"testing"
)

const written = `{"label_id":"x","schema":"serveflow.label/1","uid":"Ca","orig_h":"10.0.0.1","orig_p":1024,"resp_h":"2001:db8::1","resp_p":53,"proto":"udp","label":"dns","confidence":0.994,"final":true,"stage":"first","reason":"confident","packets":1,"ts_first":1700000000.5,"wait_ms":12.5}`

func TestLine(t *testing.T) {
	r, err := Parse([]byte(written))
	if err != nil {
		t.Fatal(err)
	}
	want := "2023-11-14 22:13:20.500 10.0.0.1:1024          [2001:db8::1]:53       udp  dns             99.4%  first  confident   1 pkt      12.5 ms"
	if got := r.Line(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	for _, column := range []struct{ head, value string }{{"ORIGINATOR", "10.0.0.1"}, {"RESPONDER", "[2001"}, {"PROT", "udp"}, {"LABEL", "dns"}, {"STAGE", "first"}, {"REASON", "confident"}} {
		if at := strings.Index(Header(), column.head); at != strings.Index(want, column.value) {
			t.Errorf("%s stands at %d, not above %s", column.head, at, column.value)
		}
	}
	if len(Header()) != len(want) {
		t.Errorf("the header has %d columns, a line %d", len(Header()), len(want))
	}
}

// A label that no stage gave keeps its columns.
func TestLineWithoutStage(t *testing.T) {
	r, err := Parse([]byte(strings.NewReplacer(`"first"`, `""`, `"confident"`, `"unsupported"`).Replace(written)))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.Line(), "%  -      unsupported  1 pkt") {
		t.Errorf("%s", r.Line())
	}
}

func TestWhatIsNoLabel(t *testing.T) {
	for value, want := range map[string]string{
		``:   "not a label record",
		`{}`: `its schema is ""`,
		strings.Replace(written, "label/1", "label/9", 1): `its schema is "serveflow.label/9"`,
		strings.Replace(written, "10.0.0.1", "x", 1):      "not a label record",
		strings.Replace(written, "10.0.0.1", "", 1):       "an address is missing",
	} {
		if _, err := Parse([]byte(value)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", value, err, want)
		}
	}
}

func TestFilter(t *testing.T) {
	r, err := Parse([]byte(written))
	if err != nil {
		t.Fatal(err)
	}
	hosts := func(list string) Filter {
		h, err := ParseHosts(list)
		if err != nil {
			t.Fatal(err)
		}
		return Filter{Hosts: h}
	}
	for _, c := range []struct {
		name   string
		filter Filter
		want   bool
	}{
		{"none", Filter{}, true},
		{"its label", Filter{Labels: Split("http, dns")}, true},
		{"another label", Filter{Labels: Split("http")}, false},
		{"its stage", Filter{Stages: Split("first")}, true},
		{"another stage", Filter{Stages: Split("slow")}, false},
		{"its reason", Filter{Reasons: Split("confident,timeout")}, true},
		{"another reason", Filter{Reasons: Split("timeout")}, false},
		{"label, but not stage", Filter{Labels: Split("dns"), Stages: Split("slow")}, false},
		{"originator", hosts("10.0.0.1"), true},
		{"originator's network", hosts("192.168.0.0/16, 10.0.0.0/8"), true},
		{"responder's network", hosts("2001:db8::/32"), true},
		{"neither", hosts("10.0.0.2,2001:db9::/32"), false},
	} {
		if got := c.filter.Match(r); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if _, err := ParseHosts("10.0.0.1,printer"); err == nil || !strings.Contains(err.Error(), `"printer" is no address`) {
		t.Errorf("%v", err)
	}
}
