package doctor

import (
	"fmt"
	"net"
	"slices"
	"strings"
)

// advice says what is wrong with a listener, and how to mend it.
type advice struct{ title, remedy string }

// The settings for a listener that wants TLS, or a login.
const (
	setTLS   = ", and SERVEFLOW_TLS_CA_FILE where an authority of your own signed the brokers' certificates"
	setLogin = ", SERVEFLOW_SASL_MECHANISM to one of those, SERVEFLOW_SASL_USERNAME and SERVEFLOW_SASL_PASSWORD_FILE"
)

// listenerAdvice returns the advice for each answer that is not isKafka. role is "broker"
// for an address of the settings, "advertised" for one of the cluster.
func listenerAdvice(role string) map[string]advice {
	name := "SERVEFLOW_BROKERS"
	if role == "advertised" {
		name = "the broker's advertised.listeners"
	}
	return map[string]advice{
		isUnresolved:  {"the name does not resolve", "mend the name in " + name + ", or make this machine's DNS or hosts file know it"},
		isRefused:     {"nothing listens there", "start the broker, or mend host and port in " + name},
		isUnreachable: {"no connection can be made", "open the way there (firewall, routes, container networks), or mend " + name},
		isSilent:      {"takes connections and does not answer", "look whether the broker hangs or is still starting, and whether the port is a Kafka listener at all"},
		isClosed:      {"takes connections and closes them", "look in the broker's log for why; its limits on connections may be reached, or the listener is not for clients"},
		isController:  {"a KRaft controller answers there, which serves brokers alone", "name a broker's listener in " + name},
		isTLS:         {"this listener speaks TLS", "set SERVEFLOW_SECURITY_PROTOCOL=SSL" + setTLS},
		isMutualTLS:   {"this listener speaks TLS and wants a certificate from the client (mutual TLS)", "set SERVEFLOW_SECURITY_PROTOCOL=SSL, SERVEFLOW_TLS_CERT_FILE and SERVEFLOW_TLS_KEY_FILE" + setTLS},
		isSASL:        {"this listener wants SASL: the client has to log in", "set SERVEFLOW_SECURITY_PROTOCOL=SASL_PLAINTEXT" + setLogin},
		isTLSSASL:     {"this listener speaks TLS, and behind it wants SASL: the client has to log in", "set SERVEFLOW_SECURITY_PROTOCOL=SASL_SSL" + setLogin + setTLS},
		isHTTP:        {"an HTTP server answers there, not Kafka", "name the brokers' own port in " + name + "; 9092 is Kafka's usual one, while REST proxies, consoles and metrics have others"},
		isNotKafka:    {"what answers there is not Kafka", "name the brokers' own port in " + name},
	}
}

// adviceFor returns the advice for a listener.
func adviceFor(role string, l listener) advice {
	if l.fault != nil {
		return advice{l.fault.Says, l.fault.Mend}
	}
	return listenerAdvice(role)[l.answer]
}

// checkListeners reports addresses that this client cannot use, and why.
func checkListeners(all []listener) []Finding {
	var found []Finding
	usable := slices.ContainsFunc(all, func(l listener) bool { return l.answer == isKafka })
	for _, l := range all {
		if l.answer == isKafka {
			continue
		}
		f, severity := Finding{}, Fault
		if l.node < 0 {
			if usable { // another address works
				severity = Warn
			}
			what := adviceFor("broker", l)
			f = Finding{"broker-" + l.answer, severity, l.addr + ": " + what.title, []string{"SERVEFLOW_BROKERS names " + l.addr + ": " + l.detail}, what.remedy}
		} else {
			what := adviceFor("advertised", l)
			f = Finding{"advertised-" + l.answer, severity, fmt.Sprintf("broker %d tells clients to come to %s: %s", l.node, l.addr, what.title),
				[]string{fmt.Sprintf("asked at %s, the cluster advertises broker %d as %s: %s", strings.Join(reachedAddrs(all), ", "), l.node, l.addr, l.detail)}, what.remedy}
			if host, _, _ := net.SplitHostPort(l.addr); loopback(host) {
				f.Remedy += fmt.Sprintf("; %s means the client's own machine to each client: advertise a name that all clients can reach", host)
			}
		}
		found = append(found, f)
	}
	return found
}

// reachedAddrs returns the addresses of SERVEFLOW_BROKERS that answered.
func reachedAddrs(all []listener) (names []string) {
	for _, l := range all {
		if l.configured && l.answer == isKafka {
			names = append(names, l.addr)
		}
	}
	return names
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
}

// checkClusters reports addresses that belong to different clusters.
func checkClusters(all []listener) []Finding {
	var ids, places []string
	for _, l := range all {
		if l.cluster == "" {
			continue
		}
		places = append(places, fmt.Sprintf("%s: cluster %.40q", l.addr, l.cluster))
		if !slices.Contains(ids, l.cluster) {
			ids = append(ids, l.cluster)
		}
	}
	if len(ids) < 2 {
		return nil
	}
	return []Finding{{"two-clusters", Fault, "SERVEFLOW_BROKERS names brokers of different clusters: each start asks the one that answers first", places, "name brokers of one cluster alone"}}
}

// checkReleases reports brokers that are too old, or have different releases.
func checkReleases(all []listener) []Finding {
	var names, places []string
	for _, l := range all {
		if l.answer != isKafka || l.release == "" {
			continue
		}
		places = append(places, l.addr+": Kafka "+l.release)
		if !slices.Contains(names, l.release) {
			names = append(names, l.release)
		}
	}
	switch {
	case slices.Contains(names, "0.10 or newer"):
		return []Finding{{"kafka-old", Fault, "a broker is older than Kafka 0.11", places, "upgrade it: 0.11 brought the record format that headers and idempotence need"}}
	case len(names) > 1:
		return []Finding{{"kafka-mixed", Info, "the brokers are of several releases", places, "nothing, while an upgrade is under way; else finish it"}}
	}
	return nil
}
