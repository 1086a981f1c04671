package doctor

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/serveflow/serveflow/flow/zeek"
)

// known are the fields of packet and end records, and those that Zeek's ways of
// writing logs add.
var known = strings.Fields(`ev ts uid id.orig_h id.orig_p id.resp_h id.resp_p id_orig_h id_orig_p id_resp_h id_resp_p id proto sensor
	n is_orig ip_len plen ttl flags win hdr hdr_why
	duration service conn_state history orig_pkts resp_pkts orig_ip_bytes resp_ip_bytes orig_bytes resp_bytes missed_bytes sent
	_path _write_ts _system_name`)

// judgeFields judges which fields packet records have.
func judgeFields(c *Config, ours []seen) []Finding {
	var packets []seen
	for _, r := range ours {
		if r.packet() {
			packets = append(packets, r)
		}
	}
	if len(packets) == 0 {
		return nil
	}
	found := judgeHeaders(c, packets)
	found = append(found, judgeNumbers(c, packets)...)
	found = append(found, judgeDrift(packets)...)
	return append(found, judgeUnknown(ours)...)
}

// judgeHeaders judges packets without header bytes against what the bundle needs.
func judgeHeaders(c *Config, packets []seen) []Finding {
	why := make(map[string]int)
	without := 0
	for _, r := range packets {
		if len(r.rec.Hdr) > 0 {
			continue
		}
		without++
		reason := r.rec.HdrWhy.String()
		if reason == "" {
			reason = "not said"
		}
		why[reason]++
	}
	evidence := []string{share(without, len(packets), "packet record")}
	for _, reason := range ranked(why) {
		evidence = append(evidence, fmt.Sprintf("hdr_why %s: %s", reason, many(why[reason], "record")))
	}
	if 20*without <= len(packets) || len(c.Needs.Header) == 0 {
		return nil
	}
	f := Finding{"header-missing", Warn, "packet records lack header bytes (hdr), and the bundle has features that only they give",
		append(evidence, "features of the bundle that need them: "+listed(c.Needs.Header, 5)),
		"let the Zeek package write header bytes (not fields only); for hdr_why frag, tunnel, l2 and snap see its README; or train a bundle without these features"}
	if 2*without > len(packets) {
		f.Severity = Fault
	}
	return []Finding{f}
}

// judgeNumbers judges packets that have neither header bytes nor the numbers of
// the record that stand in for them.
func judgeNumbers(c *Config, packets []seen) []Finding {
	var evidence []string
	for _, name := range c.Needs.Fields {
		lack, of := 0, 0
		for i := range packets {
			r := &packets[i].rec
			if (name == "flags" || name == "win") && r.Proto != zeek.TCP {
				continue
			}
			if of++; len(r.Hdr) == 0 && absent(r, name) {
				lack++
			}
		}
		if 20*lack > of {
			evidence = append(evidence, name+": not in "+share(lack, of, "packet record"))
		}
	}
	if evidence == nil {
		return nil
	}
	return []Finding{{"fields-missing", Fault, "packet records have neither header bytes nor the fields that the bundle's features are read from", evidence,
		"let the Zeek package write hdr, or these fields; or train a bundle on records as they are"}}
}

// absent reports whether a record lacks one of its own numbers.
func absent(r *zeek.Record, name string) bool {
	switch name {
	case "ip_len":
		return r.IPLen == zeek.Absent
	case "plen":
		return r.PayloadLen == zeek.Absent
	case "ttl":
		return r.TTL == zeek.Absent
	case "flags":
		return r.Flags == zeek.Absent
	case "win":
		return r.Window == zeek.Absent
	}
	return false
}

// judgeDrift tells of fields that newer records have, or lack, other than older ones.
func judgeDrift(packets []seen) []Finding {
	const enough = 50 // of each half
	var old, new []seen
	for records := range byPartition(packets) {
		old, new = append(old, records[:len(records)/2]...), append(new, records[len(records)/2:]...)
	}
	if len(old) < enough || len(new) < enough {
		return nil
	}
	var evidence []string
	for _, name := range []string{"hdr", "ip_len", "plen", "ttl", "flags", "win", "sensor"} {
		a, b := having(old, name), having(new, name)
		if 100*diff(a*len(new), b*len(old)) > 50*len(old)*len(new) {
			evidence = append(evidence, fmt.Sprintf("%s: in %.0f%% of the older half, in %.0f%% of the newer", name, 100*float64(a)/float64(len(old)), 100*float64(b)/float64(len(new))))
		}
	}
	if evidence == nil {
		return nil
	}
	return []Finding{{"schema-drift", Warn, "the records' fields have changed within the sample", evidence,
		"look what changed at the sensors: the package's version or options, or a shipper or pipeline that drops fields; a model sees other features than before"}}
}

func diff(a, b int) int { return max(a-b, b-a) }

// having counts the records that have a field.
func having(records []seen, name string) (n int) {
	for _, r := range records {
		if _, ok := r.bare[name]; ok {
			n++
		}
	}
	return n
}

// judgeUnknown tells of fields that nobody reads.
func judgeUnknown(ours []seen) []Finding {
	count := make(map[string]int)
	for _, r := range ours {
		if _, ok := r.bare["ev"]; !ok {
			continue // in an envelope
		}
		for name := range r.bare {
			if !slices.Contains(known, name) {
				count[name]++
			}
		}
	}
	if len(count) == 0 {
		return nil
	}
	var evidence []string
	for _, name := range ranked(count) {
		evidence = append(evidence, fmt.Sprintf("%.64q: %s", name, share(count[name], len(ours), "record")))
	}
	return []Finding{{"unknown-fields", Info, "records have fields that are not read", head(evidence), "nothing; without them records are smaller"}}
}

// judgeDepth tells of records that stop before the bundle's deepest stage.
func judgeDepth(c *Config, ours []seen) []Finding {
	var most, cut int
	for _, r := range ours {
		if r.packet() {
			most = max(most, int(r.rec.N))
		}
	}
	example := ""
	for _, r := range ours {
		if r.rec.Kind != zeek.End || int(r.rec.Sent) > most {
			continue
		}
		if had := packets(r.bare); had > int(r.rec.Sent) && r.rec.Sent > 0 {
			if cut++; cut == 1 {
				example = fmt.Sprintf("flow %s had %d packets, %d of them were sent", r.uid, had, r.rec.Sent)
			}
		}
	}
	if cut == 0 || most == 0 || most >= c.Needs.Depth {
		return nil
	}
	return []Finding{{"depth-short", Warn, fmt.Sprintf("Zeek sends %d packets a flow, the bundle's deepest stage looks at %d", most, c.Needs.Depth),
		[]string{fmt.Sprintf("the largest n is %d", most), example}, fmt.Sprintf("set the Zeek package's depth to %d or more", c.Needs.Depth)}}
}

// packets is how many packets an end record counts, both directions together.
func packets(bare map[string]json.RawMessage) int {
	var orig, resp int
	_ = json.Unmarshal(bare["orig_pkts"], &orig)
	_ = json.Unmarshal(bare["resp_pkts"], &resp)
	return orig + resp
}
