package annotate

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzApply checks that any source of any kind is read to its end, that each row is counted once,
// and that no label is given that a bundle could not have.
func FuzzApply(f *testing.F) {
	kinds := Kinds()
	for i, kind := range kinds {
		f.Add(i, "")
		f.Add(i, "{}\n[]\nnull\n\"\"\n")
		switch kind {
		case Conn, TLS, HTTP, DNS:
			f.Add(i, `{"ts":1.5,"uid":"C1","id.orig_h":"10.0.0.1","id.orig_p":1,"id.resp_h":"192.0.2.1","id.resp_p":80,"proto":"tcp","service":"-a,b","server_name":"x.org","host":"y:1","query":"q.org","answers":["192.0.2.1"]}`)
		case NDPI:
			f.Add(i, "00012{\"src_ip\":\"10.0.0.1\",\"dst_ip\":\"192.0.2.1\",\"src_port\":1,\"dst_port\":80,\"l4_proto\":\"tcp\",\"flow_event_name\":\"detected\",\"flow_first_seen\":1e8,\"ndpi\":{\"proto\":\"TLS\",\"confidence\":{\"6\":\"DPI\"}}}")
			f.Add(i, "#flow_id|protocol|first_seen|last_seen|src_ip|src_port|dst_ip|dst_port|ndpi_proto\n1|6|100.0|100.1|10.0.0.1|1|192.0.2.1|80|HTTP\n")
			f.Add(i, "protocol,bidirectional_first_seen_ms,bidirectional_last_seen_ms,src_ip,src_port,dst_ip,dst_port,application_name\n6,100000,100100,10.0.0.1,1,192.0.2.1,80,HTTP\n")
		case Suricata:
			f.Add(i, `{"timestamp":"1970-01-01T00:01:40.000000+0000","event_type":"alert","src_ip":"10.0.0.1","src_port":1,"dest_ip":"192.0.2.1","dest_port":80,"proto":"TCP","alert":{"signature":"s","category":"c","severity":1}}`)
		case Devices:
			f.Add(i, "mac,ip,label,from,to\n00:00:00:00:00:0a,10.0.0.1,phone,1,2026-11-24T00:26:32Z\n")
		case Labels:
			f.Add(i, "src_ip,src_port,dst_ip,dst_port,proto,first_ts_us,label\n10.0.0.1,1,192.0.2.1,80,6,100000000,\"a, b\"\n")
		}
	}
	f.Fuzz(func(t *testing.T, which int, text string) {
		kind := kinds[uint(which)%uint(len(kinds))]
		opt := options()
		table := tableOf(t, packet("C1", 1, 100, 1, 80)+packet("C2", 1, 101, 2, 80))
		opt.MACs = NewMACs(table)
		if rep, err := opt.MACs.Read(t.Context(), "macs", strings.NewReader(text)); err == nil && rep.Rows+rep.Unread() < rep.Hits {
			t.Errorf("%+v", rep)
		}
		misses := 0
		opt.Miss = func(Miss) error { misses++; return nil }
		l := New(table, opt)
		rep, err := l.Apply(t.Context(), kind, "x", strings.NewReader(text))
		if err != nil && (errors.Is(err, io.EOF) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%q", err)
		}
		checkSum(t, rep)
		if err == nil && misses != rep.Rows-rep.Hits+rep.Unread() {
			t.Errorf("%d misses were told: %+v", misses, rep)
		}
		for _, label := range l.Labels() {
			if CheckLabel(label) != nil {
				t.Errorf("label %q", label)
			}
		}
	})
}

// FuzzReadRules checks that rules that can be read give labels that a bundle can have.
func FuzzReadRules(f *testing.F) {
	if text, err := os.ReadFile(filepath.Join("testdata", "lab.map.csv")); err == nil {
		f.Add(string(text), "SMBv23")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		rules, err := ReadRules(strings.NewReader(text))
		if err != nil {
			return
		}
		if label, ok := rules.label(&row{names: []string{name}}); ok && CheckLabel(label) != nil {
			t.Errorf("label %q", label)
		}
	})
}
