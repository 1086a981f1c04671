package annotate

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// The source that is applied first holds; the report of a later one says where it agrees.
func TestPrecedence(t *testing.T) {
	l := New(tableOf(t, packet("A", 1, 1, 1, 443)+packet("B", 1, 2, 2, 443)+packet("C", 1, 3, 3, 443)+packet("D", 1, 4, 4, 443)), options())
	conn := func(uid string, port int, service string) string {
		return fmt.Sprintf(`{"ts":1,"uid":%q,"id.orig_h":"10.0.0.1","id.orig_p":%d,"id.resp_h":"192.0.2.1","id.resp_p":443,"proto":"tcp","service":%q}`+"\n", uid, port, service)
	}
	apply(t, l, Conn, conn("A", 1, "ssl")+conn("B", 2, "ssl")+conn("B", 2, "http"))
	table := "orig_h,orig_p,resp_h,resp_p,proto,ts_first,label\n"
	for port, label := range []string{"", "ssl", "bulk", "bulk"} {
		if label != "" {
			table += fmt.Sprintf("10.0.0.1,%d,192.0.2.1,443,tcp,%d,%s\n", port, port, label)
		}
	}
	rep := apply(t, l, Labels, table+"10.0.0.1,2,192.0.2.1,443,tcp,2,video\n10.0.0.1,3,192.0.2.1,443,tcp,3,\n")
	if rep.Agree != 1 || rep.Differ != 1 || rep.Within != 0 || rep.Hits != 4 || !reflect.DeepEqual(rep.Skips, []Skip{{string(skipNothing), 1}}) {
		t.Errorf("%+v", rep)
	}
	if n, named := l.Rest("other"); n != 1 || named != 0 {
		t.Errorf("%d are the rest", n)
	}
	if got, want := given(t, l), map[string]string{"A": "ssl conn", "B": "ssl conn", "C": "bulk labels", "D": "other rest"}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	byLabel, bySource := l.Counts()
	if byLabel["ssl"] != 2 || bySource["labels"] != 1 || bySource["rest"] != 1 || !reflect.DeepEqual(l.Labels(), []string{"bulk", "other", "ssl"}) {
		t.Errorf("%v %v %v", byLabel, bySource, l.Labels())
	}
}

// Of several alerts on a flow the worst one holds, and of equally bad ones the first.
func TestAlerts(t *testing.T) {
	alert := func(severity int, category string, more string) string {
		return fmt.Sprintf(`{"timestamp":"1970-01-01T01:01:50.000000+0100","event_type":"alert","src_ip":"192.0.2.1","src_port":80,"dest_ip":"10.0.0.1","dest_port":1,"proto":"TCP",`+
			`"alert":{"signature_id":7,"signature":"SIG %d","category":%q,"severity":%d}%s}`+"\n", severity, category, severity, more)
	}
	records := packet("A", 1, 100, 1, 80) + end("A", 120, 1, 80) + packet("B", 1, 130, 1, 80) + end("B", 140, 1, 80)
	for _, tt := range []struct {
		rules, text string
		want        map[string]string
		within      int
	}{
		{"", alert(3, "third", "") + alert(2, "second", "") + alert(2, "late", ""), map[string]string{"A": "second suricata"}, 2},
		{"", alert(1, "first", "") + alert(2, "second", ""), map[string]string{"A": "first suricata"}, 1},
		{"", alert(1, "", ""), map[string]string{"A": "SIG 1 suricata"}, 0},
		{"sig 1,by_signature\n", alert(1, "c", ""), map[string]string{"A": "by_signature suricata"}, 0},
		{"7,by_number\n", alert(1, "c", ""), map[string]string{"A": "by_number suricata"}, 0},
		{"", strings.Replace(alert(1, "c", `,"flow":{"start":"1970-01-01T00:01:40.000000+0000"}`), "01:01:50", "01:02:15", 1), map[string]string{"A": "c suricata", "B": "c suricata"}, 0},
		{"", `{"timestamp":"1970-01-01T00:01:50+0000","event_type":"flow"}` + "\n" + alert(1, "c", ""), map[string]string{"A": "c suricata"}, 0},
	} {
		opt := options()
		if tt.rules != "" {
			opt.Rules = rulesOf(t, tt.rules)
		}
		l := New(tableOf(t, records), opt)
		rep := apply(t, l, Suricata, tt.text)
		if got := given(t, l); !maps.Equal(got, tt.want) || rep.Within != tt.within {
			t.Errorf("%s: got %v, want %v; %+v", tt.text, got, tt.want, rep)
		}
	}
}

// What cannot be read is counted and told, line by line; the rest is read.
func TestUnread(t *testing.T) {
	const ids = `"uid":"C1","id.orig_h":"10.0.0.1","id.orig_p":1,"id.resp_h":"192.0.2.1","id.resp_p":80`
	alert := `{"timestamp":"1970-01-01T00:01:40Z","event_type":"alert","src_ip":"10.0.0.1","src_port":1,"dest_ip":"192.0.2.1","dest_port":80,"proto":"TCP","alert":{"category":"c"}}`
	flow := `{"src_ip":"10.0.0.1","src_port":1,"dst_ip":"192.0.2.1","dst_port":80,"l4_proto":"tcp","flow_first_seen":1700000000000000,"ndpi":{"proto":"HTTP"}}`
	table := "src_ip,src_port,dst_ip,dst_port,proto,first_ts_us,label\n10.0.0.1,1,192.0.2.1,80,6,100000000,web\n"
	devices := "ip,label\n10.0.0.1,web\n"
	for _, tt := range []struct {
		kind      Kind
		good, bad string
		want      string
	}{
		{Conn, "{" + ids + `,"service":"http"}`, "{", "unexpected end"},
		{Conn, "{" + ids + `,"service":"http"}`, "x", "neither JSON nor TSV"},
		{Conn, "{" + ids + `,"service":"http"}`, `{"service":"http"}`, "no uid"},
		{Conn, "{" + ids + `,"service":"http"}`, `{"uid":"x"}`, `"" is no IP address`},
		{Conn, "{" + ids + `,"service":"http"}`, `{"uid":7}`, "its uid is a number"},
		{Conn, "{" + ids + `,"service":"http"}`, `{"uid":"C1","ts":"soon"}`, `"soon" is no time`},
		{Suricata, alert, `{"event_type":""}`, "no event_type"},
		{Suricata, alert, strings.Replace(alert, "timestamp", "time", 1), "no timestamp"},
		{Suricata, alert, strings.Replace(alert, "TCP", "ABC", 1), `"ABC" is no IP protocol`},
		{Suricata, alert, strings.Replace(alert, "80", "66000", 1), "dest_port is a number"},
		{NDPI, flow, strings.Replace(flow, "tcp", "300", 1), `"300" is no IP protocol`},
		{NDPI, flow, strings.Replace(flow, "flow_first_seen", "x", 1), "no first_seen"},
		{NDPI, flow, "{", "unexpected end"},
		{Labels, table, "10.0.0.1,1,192.0.2.1,x,tcp,100,web\n", `"x" is no port`},
		{Labels, table, "10.0.0.1,1,192.0.2.1,80,tcp,now,web\n", `first_ts_us is "now"`},
		{Labels, table, "10.0.0.1,1\n", `"" is no IP protocol`},
		{Labels, table, "a\"b,1\n", `bare "`},
		{Devices, devices, "10.0.0.300,x\n", "no IP address"},
		{Devices, devices, "10.0.0.3,\n", "label is empty"},
		{Devices, devices, ",x\n", "neither a mac nor an ip"},
	} {
		var misses []Miss
		opt := options()
		opt.Miss = func(m Miss) error { misses = append(misses, m); return nil }
		l := New(tableOf(t, packet("C1", 1, 100, 1, 80)+packet("C2", 1, 1.7e9, 1, 80)), opt)
		text := strings.TrimSuffix(tt.good, "\n") + "\n" + tt.bad
		rep := apply(t, l, tt.kind, text)
		line := strings.Count(strings.TrimSuffix(text, "\n"), "\n") + 1
		if rep.Unread() != 1 || rep.Hits != 1 || len(misses) != 1 || misses[0].Line != line || !strings.Contains(misses[0].Why, tt.want) || !strings.Contains(rep.Bad, tt.want) {
			t.Errorf("%s %s: %+v %+v, want %q in line %d", tt.kind, tt.bad, misses, rep, tt.want, line)
		}
		if tt.kind == Labels || tt.kind == Devices {
			continue // a header is no row
		}
		if _, err := l.Apply(t.Context(), tt.kind, "x", strings.NewReader(tt.bad+"\n")); WrongForm(err) == nil && tt.kind != NDPI {
			t.Errorf("%s %s alone: %v", tt.kind, tt.bad, err)
		}
	}
}

// A source of another form than its kind is refused as a whole.
func TestWrongForm(t *testing.T) {
	for kind, text := range map[Kind]string{
		NDPI: "a,b\n1,2\n", Labels: "name,label\nC1,x\n", Devices: "name,label\n", Conn: "README\n", Suricata: `{"ts":1,"uid":"C1"}`,
	} {
		l := New(tableOf(t, packet("C1", 1, 100, 1, 80)), options())
		if _, err := l.Apply(t.Context(), kind, "x", strings.NewReader(text)); WrongForm(err) == nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	for _, kind := range []Kind{NDPI, Labels, Devices} {
		l := New(tableOf(t), options())
		if _, err := l.Apply(t.Context(), kind, "x", strings.NewReader("")); WrongForm(err) == nil {
			t.Errorf("empty %s: %v", kind, err)
		}
	}
}

// A fault of the input, or of who is told of misses, ends a source; what was read before holds.
func TestFaultsOfTheInput(t *testing.T) {
	trouble := errors.New("the disk is gone")
	for kind, text := range map[Kind]string{
		Conn: `{"uid":"C1","id.orig_h":"10.0.0.1","id.orig_p":1,"id.resp_h":"192.0.2.1","id.resp_p":80,"service":"http"}` + "\n",
		NDPI: `{"src_ip":"10.0.0.1","src_port":1,"dst_ip":"192.0.2.1","dst_port":80,"proto":"TCP","first_seen":100,"ndpi":{"proto":"HTTP"}}` + "\n",
		Labels: "src_ip,src_port,dst_ip,dst_port,proto,first_ts_us,label\n10.0.0.1,1,192.0.2.1,80,6,100000000000000,web\n" +
			"10.0.0.1,1,192.0.2.1,80,6,100,web\n",
	} {
		l := New(tableOf(t, packet("C1", 1, 100, 1, 80)), options())
		_, err := l.Apply(t.Context(), kind, "x", io.MultiReader(strings.NewReader(text), iotest.ErrReader(trouble)))
		if !errors.Is(err, trouble) {
			t.Errorf("%s: %v", kind, err)
		}
	}
	opt := options()
	opt.Miss = func(Miss) error { return trouble }
	l := New(tableOf(t, packet("C1", 1, 100, 1, 80)), opt)
	if _, err := l.Apply(t.Context(), Suricata, "x", strings.NewReader("x\n")); !errors.Is(err, trouble) {
		t.Errorf("misses: %v", err)
	}
}

// A flow with a name that the rules do not know is not of the rest.
func TestRest(t *testing.T) {
	opt := options()
	opt.Rules = rulesOf(t, "known,k\n")
	l := New(tableOf(t, packet("A", 1, 1, 1, 443)+packet("B", 1, 2, 2, 443)+packet("C", 1, 3, 3, 443)), opt)
	apply(t, l, Conn, `{"ts":1,"uid":"A","id.orig_h":"10.0.0.1","id.orig_p":1,"id.resp_h":"192.0.2.1","id.resp_p":443,"proto":"tcp","service":"unknown"}`+"\n"+
		`{"ts":1,"uid":"B","id.orig_h":"10.0.0.1","id.orig_p":2,"id.resp_h":"192.0.2.1","id.resp_p":443,"proto":"tcp","service":"known"}`+"\n")
	if n, named := l.Rest("benign"); n != 1 || named != 1 {
		t.Errorf("%d are the rest, %d have a name", n, named)
	}
	if got, want := given(t, l), map[string]string{"B": "k conn", "C": "benign rest"}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Names without a pattern are counted, the most frequent first.
func TestNames(t *testing.T) {
	opt := options()
	opt.Rules = rulesOf(t, "known,k\n")
	l := New(tableOf(t, packet("A", 1, 1, 1, 443)), opt)
	text := ""
	for _, service := range []string{"b", "c", "known", "a", "c", ""} {
		text += fmt.Sprintf(`{"ts":1,"uid":"A","id.orig_h":"10.0.0.1","id.orig_p":1,"id.resp_h":"192.0.2.1","id.resp_p":443,"proto":"tcp","service":%q}`+"\n", service)
	}
	rep := apply(t, l, Conn, text)
	if want := []Name{{"c", "", 2}, {"a", "", 1}, {"b", "", 1}}; !reflect.DeepEqual(rep.Names, want) || rep.Silent() || rep.Hits != 1 {
		t.Errorf("%+v", rep)
	}
	for text, want := range map[string]bool{"": false, strings.ReplaceAll(text, `"service"`, `"x"`): true, text: false, "x\n" + strings.ReplaceAll(text, `"service"`, `"x"`): false} {
		if rep := apply(t, l, Conn, text); rep.Silent() != want {
			t.Errorf("%q: silent is %v", text, rep.Silent())
		}
	}
}

// Labels may name flows by their uid alone.
func TestLabelsByUID(t *testing.T) {
	l := New(tableOf(t, packet("A", 1, 1, 1, 443)+packet("B", 1, 2, 2, 443)+end("E", 3, 3, 443)), options())
	rep := apply(t, l, Labels, "label,uid\nbulk,B\nx,C\ny,E\nz,\n,A\n")
	want := []Skip{{string(skipUID), 1}, {string(skipTuple), 1}, {string(skipUnread), 1}, {string(skipNothing), 1}}
	if got := given(t, l); !maps.Equal(got, map[string]string{"B": "bulk labels"}) || !reflect.DeepEqual(rep.Skips, want) {
		t.Errorf("%v %+v", got, rep)
	}
}
