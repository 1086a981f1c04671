package zeek

import "bytes"

// LogOf returns the name of the log that a file of Zeek holds, as far as the file's name
// tells: "conn" for conn.log, conn.2026-11-24-10-00-00.log.gz or site.conn.log, "conn_long"
// for conn_long.log and json_streaming_conn_long.log. It is empty if the name has no ".log", or
// no log of Zeek is called so. Of names that end as JSON, only those of variants of conn.log
// tell, such as conn_long.json.
func LogOf(file string) string { return string(logOf([]byte(file))) }

// logOf is LogOf without an allocation.
func logOf(file []byte) []byte {
	file = file[bytes.LastIndexByte(file, '/')+1:]
	file = file[bytes.LastIndexByte(file, '\\')+1:]
	var log []byte
	for more := true; more; {
		var part []byte
		if part, file, more = bytes.Cut(file, []byte{'.'}); isExtension(part) || isJSON(part) && isVariant(log) {
			return log
		}
		if part = bytes.TrimPrefix(withoutTime(part), []byte("json_streaming_")); isLog(part) && (log == nil || isConn(part)) {
			log = part
		}
	}
	return nil
}

// isExtension reports whether a part of a file's name is "log", with or without the time
// or number of a rotation.
func isExtension(part []byte) bool { return string(withoutTime(part)) == "log" }

// isJSON reports whether a part of a file's name says that it is JSON. Such files have many
// names: http.jsonl may as well hold the connections of one class.
func isJSON(part []byte) bool {
	switch string(part) {
	case "json", "jsonl", "ndjson":
		return true
	}
	return false
}

// withoutTime cuts off what a rotation adds to a part of a file's name, as in
// conn-26-11-24_10 or conn__2026-11-24-10-00-00__.
func withoutTime(part []byte) []byte {
	for i, c := range part {
		if i > 0 && c-'0' <= 9 && (part[i-1] == '-' || part[i-1] == '_') {
			return bytes.TrimRight(part[:i], "-_")
		}
	}
	return part
}

// IsConn reports whether a path, as Zeek's log filters and headers have it, is that of
// conn.log.
func IsConn(path string) bool { return isConn([]byte(path)) }

func isConn(path []byte) bool {
	return string(path[bytes.LastIndexByte(path, '/')+1:]) == "conn"
}

// isVariant reports whether a log has the fields of conn.log, but is not it.
func isVariant(name []byte) bool { return bytes.HasPrefix(name, []byte("conn_")) }

// isLog reports whether one of Zeek's logs is called so, or it is a variant of conn.log.
func isLog(name []byte) bool {
	if isVariant(name) {
		return true
	}
	switch string(name) {
	case "conn", "conn-summary", "serveflow",
		"analyzer", "broker", "capture_loss", "cluster", "config", "dce_rpc", "dhcp", "dnp3", "dns", "dpd", "files", "ftp",
		"http", "intel", "irc", "kerberos", "known_certs", "known_hosts", "known_services", "ldap", "ldap_search",
		"loaded_scripts", "modbus", "mqtt_connect", "mqtt_publish", "mqtt_subscribe", "mysql", "notice", "notice_alarm",
		"ntlm", "ntp", "ocsp", "packet_filter", "pe", "postgresql", "print", "quic", "radius", "rdp", "redis", "reporter",
		"rfb", "signatures", "sip", "smb_cmd", "smb_files", "smb_mapping", "smtp", "snmp", "socks", "software", "ssh",
		"ssl", "stats", "syslog", "telemetry", "telemetry_histogram", "traceroute", "tunnel", "unknown_protocols",
		"websocket", "weird", "weird_stats", "x509":
		return true
	}
	return false
}

// isConnLog reports whether the object is a record of conn.log. Its _path says so, or else
// its tag, the _path of an envelope, or the file's name in it or in an envelope. Where none
// names a log, it is one that has a field of conn.log alone.
func (f *fields) isConnLog() bool {
	if f.values[fUID].kind == absent {
		return false
	}
	if log := f.log(); len(log) > 0 {
		return isConn(log)
	}
	return f.values[fConnState].kind != absent
}

// log returns the name of the record's log; empty if nothing names it. A file's name that
// names conn.log decides nothing.
func (f *fields) log() []byte {
	if !f.d.Conns {
		return nil // nobody asks
	}
	if f.isText(fPath) && len(f.bytes(f.values[fPath])) > 0 {
		return f.bytes(f.values[fPath])
	}
	if len(f.around) > 0 {
		return f.around
	}
	if log := f.fileLog(); !isConn(log) {
		return log
	}
	return nil
}

// fileLog returns the log that the file is of which a log shipper read the record from, as far as
// its name tells. The name is in log.file.path (Filebeat, Elastic Agent), file (Vector), source
// (Filebeat 6), path (Logstash before ECS, Fluentd), or what users of Fluent Bit call it. A path
// may be the log's name alone.
func (f *fields) fileLog() []byte {
	for _, at := range [...]field{fFilePath, fFile, fFileName, fSource, fPlainPath} {
		if !f.isText(at) {
			continue
		}
		name := f.bytes(f.values[at])
		if at == fPlainPath && isLog(name) {
			return name
		}
		if log := logOf(name); len(log) > 0 {
			return log
		}
	}
	return logOf(f.nestedFile())
}

// nestedFile returns the path in {"log":{"file":{"path":...}}}, as Filebeat writes log.file.path.
func (f *fields) nestedFile() []byte {
	if f.values[fLog].kind != nested {
		return nil
	}
	log := f.inside(f.values[fLog])
	file := log.member("file")
	if file.kind != nested {
		return nil
	}
	within := log.inside(file)
	if path := within.member("path"); path.kind == plain || path.kind == escaped {
		return within.bytes(path)
	}
	return nil
}

// inside returns an object that is a value of f, for member to read.
func (f *fields) inside(object value) *fields {
	return &fields{line: f.line[object.start:object.end], d: f.d}
}

// member finds a member of an object that was checked before. Of several with one name the
// last counts.
func (f *fields) member(name string) (found value) {
	s := scanner{line: f.line}
	for ok := s.take('{') && s.take('"'); ok; ok = s.take(',') && s.take('"') {
		key, keyOK := s.str()
		if !keyOK || !s.take(':') {
			break
		}
		v, valueOK := s.value(0)
		if !valueOK {
			break
		}
		if string(f.bytes(key)) == name {
			found = v
		}
	}
	return found
}

// ConnByFieldsAlone reports whether a line is a record that Decode takes for one of
// conn.log although nothing in it names its log. Other logs of connections, such as
// conn_long, have the same fields. Conns must be set.
func (d *Decoder) ConnByFieldsAlone(line []byte) bool {
	f := fields{line: line, d: d}
	return f.open() == nil && f.values[fEv].kind == absent && len(f.log()) == 0 && f.isConnLog()
}
