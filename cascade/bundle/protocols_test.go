package bundle

import (
	"slices"
	"strings"
	"testing"
)

// The list of protocols is read as numbers; without one, the bundle answers for all.
func TestProtocols(t *testing.T) {
	for name, tt := range map[string]struct {
		names   any
		numbers []uint8
	}{
		"none":            {nil, nil},
		"two":             {[]string{"tcp", "udp"}, []uint8{6, 17}},
		"both ICMPs":      {[]string{"icmp"}, []uint8{1, 58}},
		"all":             {[]string{"unknown_transport", "udp", "icmp", "tcp"}, []uint8{0, 17, 1, 58, 6}},
		"other than that": {[]string{"unknown_transport"}, []uint8{0}},
	} {
		dir := copyBundle(t, "trees")
		set("protocols", tt.names)(t, dir)
		b, err := Load(dir, Standard(""))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := b.Manifest.ProtocolNumbers(); !slices.Equal(got, tt.numbers) {
			t.Errorf("%s: %v, want %v", name, got, tt.numbers)
		}
		report, err := Verify(dir, Standard(""))
		if told := strings.Contains(strings.Join(report, "\n"), "protocols: it answers for "); err != nil || told != (tt.names != nil) {
			t.Errorf("%s: %v, %q", name, err, report)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}
