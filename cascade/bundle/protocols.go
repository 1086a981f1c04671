package bundle

import (
	"maps"
	"slices"
	"strings"
)

// protocolNumbers gives the IP protocol numbers of a flow for each name that records and labels
// have for its protocol; 0 stands for all that Zeek has no name for.
func protocolNumbers() map[string][]uint8 {
	return map[string][]uint8{"tcp": {6}, "udp": {17}, "icmp": {1, 58}, "unknown_transport": {0}}
}

// ProtocolNumbers are the IP protocol numbers of the flows that the bundle answers for, 0 for
// those without a name; nil if it answers for all.
func (m *Manifest) ProtocolNumbers() []uint8 {
	var all []uint8
	for _, name := range m.Protocols {
		all = append(all, protocolNumbers()[name]...)
	}
	return all
}

func (m *Manifest) checkProtocols() error {
	if m.Protocols != nil && len(m.Protocols) == 0 {
		return manifestError("protocols is empty; list what the models were trained on, or leave it out to answer for all")
	}
	known := slices.Sorted(maps.Keys(protocolNumbers()))
	for i, name := range m.Protocols {
		if !slices.Contains(known, name) || slices.Contains(m.Protocols[:i], name) {
			return manifestError("protocols: name %d is %q; use each of %s once at most", i+1, name, strings.Join(known, ", "))
		}
	}
	return nil
}
