package annotate

import (
	"net"
	"net/netip"
	"strings"
)

// connRow names a flow by what Zeek's analyzers found in it. Of "ssl,http" both are names, too;
// one with a minus was tried and given up.
func connRow(r *row, rec *zeekRecord) {
	if rec.Service == nil || *rec.Service == "" {
		return
	}
	r.names = []string{*rec.Service}
	if strings.ContainsAny(*rec.Service, ",-") {
		r.names = r.names[:0]
		for _, one := range strings.Split(*rec.Service, ",") {
			if one != "" && one[0] != '-' {
				r.names = append(r.names, one)
			}
		}
		if len(r.names) > 1 {
			r.names = append([]string{strings.Join(r.names, ",")}, r.names...)
		}
	}
}

// tlsRow names a flow by the server that the client asked for.
func tlsRow(r *row, rec *zeekRecord) { r.serverName(rec.ServerName) }

// httpRow names a flow by the host of a request.
func httpRow(r *row, rec *zeekRecord) {
	host := rec.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	r.serverName(host)
}

// dnsRow names a flow by its protocol, and the addresses in an answer by the question.
func dnsRow(r *row, rec *zeekRecord) {
	if rec.Query == "" && rec.TransID == nil {
		return // of another log
	}
	switch rec.RespP {
	case 5353:
		r.names = []string{"mdns"}
	case 5355:
		r.names = []string{"llmnr"}
	case 137:
		r.names = []string{"netbios-ns"}
	default:
		r.names = []string{"dns"}
	}
	client, err := netip.ParseAddr(rec.OrigH)
	if err != nil || rec.Query == "" {
		return
	}
	for _, text := range rec.Answers {
		if server, err := netip.ParseAddr(text); err == nil {
			r.answers = append(r.answers, answer{client, server})
		}
	}
	r.query = serverName(rec.Query)
}

// serverName gives a row the name of a server, if it has one.
func (r *row) serverName(name string) {
	if name = serverName(name); name != "" {
		r.names, r.server = []string{name}, true
	}
}

// serverName is a server's name in one spelling.
func serverName(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
