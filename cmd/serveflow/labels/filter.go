package labels

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Filter says which labels are looked at. An empty list lets all pass; of several lists
// each must let a label pass.
type Filter struct {
	Labels  []string
	Stages  []string
	Reasons []string
	Hosts   []netip.Prefix // one of them has the originator or the responder
}

// Match reports whether a label is looked at.
func (f *Filter) Match(r *Record) bool {
	return has(f.Labels, r.Label) && has(f.Stages, r.Stage) && has(f.Reasons, r.Reason) &&
		(len(f.Hosts) == 0 || slices.ContainsFunc(f.Hosts, func(p netip.Prefix) bool { return p.Contains(r.OrigH) || p.Contains(r.RespH) }))
}

func has(list []string, value string) bool { return len(list) == 0 || slices.Contains(list, value) }

// Split reads a list: names with commas between them.
func Split(list string) (names []string) {
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// ParseHosts reads a list of addresses and networks, such as 10.0.0.7,2001:db8::/32.
func ParseHosts(list string) (hosts []netip.Prefix, err error) {
	for _, name := range Split(list) {
		addr, err := netip.ParseAddr(name)
		if err == nil {
			hosts = append(hosts, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(name)
		if err != nil {
			return nil, fmt.Errorf("%q is no address and no network such as 10.0.0.0/8", name)
		}
		hosts = append(hosts, network)
	}
	return hosts, nil
}
