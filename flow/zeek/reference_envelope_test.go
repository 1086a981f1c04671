package zeek

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// refOpen removes the envelopes around a record, and returns its fields and the log that its
// tag or an envelope names.
func refOpen(text string) (f refFields, around string) {
	if strings.HasPrefix(text, `"`) && json.Valid([]byte(text)) {
		text = refInside(json.RawMessage(strings.TrimRight(text, " \t\r\n")))
	}
	for envelopes := 0; ; envelopes++ {
		members := refMembers(text)
		f = refFields{}
		for _, m := range members {
			f[m.name] = m.raw
		}
		if f.has("ev") || strings.HasPrefix(string(f["uid"]), `"`) {
			return f, around
		}
		inside := ""
		for _, name := range []string{"event.original", "message", "log", "payload"} {
			if text := refInside(f[name]); inside == "" && strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") {
				inside = text
			}
		}
		switch {
		case inside != "" && envelopes == 2:
			panic("too many envelopes")
		case inside != "":
			text, around = inside, f.log(around)
		case len(members) > 0 && members[0].object != "":
			f = refFields{}
			for _, m := range refMembers(members[0].object) {
				f[m.name] = m.raw
			}
			return f, members[0].key
		default:
			return f, around
		}
	}
}

// log is the name of the record's log; empty if nothing names it.
func (f refFields) log(around string) string {
	if path := refString(f["_path"]); path != "" {
		return path
	}
	if around != "" {
		return around
	}
	files := []string{refString(f["log.file.path"]), refString(f["file"]), refString(f["filename"]), refString(f["source"])}
	if path := refString(f["path"]); isLog([]byte(path)) {
		files = append(files, path+".log")
	} else {
		files = append(files, path)
	}
	var log, within map[string]json.RawMessage
	if json.Unmarshal(f["log"], &log) == nil && json.Unmarshal(log["file"], &within) == nil {
		files = append(files, refString(within["path"]))
	}
	for _, file := range files {
		if log := LogOf(file); log == "conn" {
			return ""
		} else if log != "" {
			return log
		}
	}
	return ""
}

type refMember struct {
	key    string // as written
	name   string // as Zeek writes it
	raw    json.RawMessage
	object string // the value, if it is an object
}

// refMembers returns the members of a JSON object in their order, with the names that Zeek
// itself writes.
func refMembers(text string) (all []refMember) {
	if !json.Valid([]byte(text)) || !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") {
		panic("not an object")
	}
	refCheckStrings(text)
	aliases := map[string]string{"id_orig_h": "id.orig_h", "id_orig_p": "id.orig_p", "id_resp_h": "id.resp_h", "id_resp_p": "id.resp_p",
		"file_path": "filename", "filePath": "filename"}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.Token()
	for dec.More() {
		key, _ := dec.Token()
		m := refMember{key: key.(string), name: key.(string)}
		if err := dec.Decode(&m.raw); err != nil {
			panic(err)
		}
		refCheckDepth(string(m.raw))
		if alias := aliases[m.name]; alias != "" {
			m.name = alias
		}
		if m.raw[0] == '{' {
			m.object = string(m.raw)
		}
		all = append(all, m)
		if m.object != "" && (m.key == "id" || m.key == "event") {
			for _, in := range refMembers(m.object) {
				in.name, in.object = m.key+"."+in.key, ""
				all = append(all, in)
			}
		}
	}
	return all
}

// refCheckStrings checks the number of keys and the length of strings against the limits.
func refCheckStrings(text string) {
	keys := 0
	for _, s := range refText.FindAllStringSubmatch(text, -1) {
		if len(s[1]) > MaxString && s[1][0] != '{' {
			panic("string too long")
		}
		if s[2] != "" {
			keys++
		}
	}
	if keys > MaxKeys {
		panic("too many keys")
	}
}

// refText is a string, and the colon after it if it is a key.
var refText = regexp.MustCompile(`(?s)"((?:[^"\\]|\\.)*)"[ \t\r\n]*(:?)`)

func refCheckDepth(raw string) {
	depth, deepest := 0, 0
	dec := json.NewDecoder(strings.NewReader(raw))
	for {
		tok, err := dec.Token()
		if err != nil {
			break
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			depth++
			deepest = max(deepest, depth)
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
	if deepest > MaxDepth {
		panic("too deep")
	}
}

// refInside returns the text in a string, or the object itself. encoding/json replaces
// bytes that are not UTF-8 by U+FFFD, so they are replaced by private-use runes before
// and restored afterwards.
func refInside(raw json.RawMessage) string {
	const private = 0x10FF00
	if len(raw) == 0 || raw[0] != '"' {
		return string(raw)
	}
	var escaped strings.Builder
	for rest := string(raw); rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		if r == utf8.RuneError && size == 1 {
			r = private + rune(rest[0])
		}
		escaped.WriteRune(r)
		rest = rest[size:]
	}
	var inside []byte
	for _, r := range refString(json.RawMessage(escaped.String())) {
		if r >= private {
			inside = append(inside, byte(r-private))
			continue
		}
		inside = utf8.AppendRune(inside, r)
	}
	return string(inside)
}

// refString returns a string without its escapes; empty for another value.
func refString(raw json.RawMessage) (s string) {
	if len(raw) > 0 && raw[0] == '"' {
		if err := json.Unmarshal(raw, &s); err != nil {
			panic(err)
		}
	}
	return s
}

var refISO = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):?([0-5]\d))$`)

func refISO8601(text string) int64 {
	m := refISO.FindStringSubmatch(text)
	if m == nil {
		panic("not ISO 8601")
	}
	t, err := time.Parse("2006-01-02T15:04:05", m[1])
	if err != nil {
		panic(err)
	}
	nanos, _ := strconv.Atoi((m[2] + "000000000")[:9])
	t = t.Add(time.Duration(nanos + 500))
	if m[3] != "" {
		east, _ := time.ParseDuration(m[3] + m[4] + "h" + m[5] + "m")
		t = t.Add(-east)
	}
	us := t.UnixMicro()
	if us < 0 || us > MaxTS {
		panic("ts")
	}
	return us
}
