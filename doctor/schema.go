package doctor

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/serveflow/serveflow/flow/zeek"
)

// knownFields are the fields of packet records and end records, and those that Zeek's log
// writers add.
var knownFields = strings.Fields(`ev ts uid id.orig_h id.orig_p id.resp_h id.resp_p id_orig_h id_orig_p id_resp_h id_resp_p id proto sensor
	n is_orig ip_len plen ttl flags win hdr hdr_why
	duration service conn_state history orig_pkts resp_pkts orig_ip_bytes resp_ip_bytes orig_bytes resp_bytes missed_bytes sent
	_path _write_ts _system_name`)

// checkFields checks which fields packet records have.
func checkFields(c *Config, records []inputRecord) []Finding {
	var packets []inputRecord
	for _, r := range records {
		if r.packet() {
			packets = append(packets, r)
		}
	}
	if len(packets) == 0 {
		return nil
	}
	found := checkHeaders(c, packets)
	found = append(found, checkNumbers(c, packets)...)
	found = append(found, checkDrift(packets)...)
	return append(found, checkUnknown(records)...)
}

// checkHeaders checks for packet records without header bytes, where the bundle needs
// them.
func checkHeaders(c *Config, packets []inputRecord) []Finding {
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
	for _, reason := range byCount(why) {
		evidence = append(evidence, fmt.Sprintf("hdr_why %s: %s", reason, plural(why[reason], "record")))
	}
	if 20*without <= len(packets) || len(c.Needs.Header) == 0 {
		return nil
	}
	f := Finding{"header-missing", Warn, "packet records lack header bytes (hdr), and the bundle has features that only they give",
		append(evidence, "features of the bundle that need them: "+joinSome(c.Needs.Header, 5)),
		"let the Zeek package write header bytes (not fields only); for hdr_why frag, tunnel, l2 and snap see its README; or train a bundle without these features"}
	if 2*without > len(packets) {
		f.Severity = Fault
	}
	return []Finding{f}
}

// checkNumbers checks for packet records that have neither header bytes nor the fields
// that replace them.
func checkNumbers(c *Config, packets []inputRecord) []Finding {
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

// absent reports whether a record lacks a field.
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

// checkDrift reports fields that newer records have and older ones lack, or the reverse.
func checkDrift(packets []inputRecord) []Finding {
	const enough = 50 // records in each half
	var old, new []inputRecord
	for part := range byPartition(packets) {
		old, new = append(old, part[:len(part)/2]...), append(new, part[len(part)/2:]...)
	}
	if len(old) < enough || len(new) < enough {
		return nil
	}
	var evidence []string
	for _, name := range []string{"hdr", "ip_len", "plen", "ttl", "flags", "win", "sensor"} {
		a, b := countWith(old, name), countWith(new, name)
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

// countWith counts the records that have a field.
func countWith(records []inputRecord, name string) (n int) {
	for _, r := range records {
		if _, ok := r.fields[name]; ok {
			n++
		}
	}
	return n
}

// checkUnknown reports fields that serveflow does not read.
func checkUnknown(records []inputRecord) []Finding {
	count := make(map[string]int)
	for _, r := range records {
		if _, ok := r.fields["ev"]; !ok {
			continue // the record is wrapped
		}
		for name := range r.fields {
			if !slices.Contains(knownFields, name) {
				count[name]++
			}
		}
	}
	if len(count) == 0 {
		return nil
	}
	var evidence []string
	for _, name := range byCount(count) {
		evidence = append(evidence, fmt.Sprintf("%.64q: %s", name, share(count[name], len(records), "record")))
	}
	return []Finding{{"unknown-fields", Info, "records have fields that are not read", firstLines(evidence), "nothing; without them records are smaller"}}
}

// checkDepth reports flows with fewer packet records than the bundle's deepest stage
// reads, although the flow had more packets.
func checkDepth(c *Config, records []inputRecord) []Finding {
	var most, cut int
	for _, r := range records {
		if r.packet() {
			most = max(most, int(r.rec.N))
		}
	}
	example := ""
	for _, r := range records {
		if r.rec.Kind != zeek.End || int(r.rec.Sent) > most {
			continue
		}
		if had := packets(r.fields); had > int(r.rec.Sent) && r.rec.Sent > 0 {
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

// packets returns the number of packets that an end record counts, in both directions.
func packets(fields map[string]json.RawMessage) int {
	var orig, resp int
	_ = json.Unmarshal(fields["orig_pkts"], &orig)
	_ = json.Unmarshal(fields["resp_pkts"], &resp)
	return orig + resp
}
