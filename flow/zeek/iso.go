package zeek

import "time"

// parseISO8601 reads a date and time with its zone, as Zeek's JSON::TS_ISO8601 and log
// shippers write it: 2013-03-07T21:42:06.939084Z, with up to nine decimals and the zone
// Z, +01:00 or +0100. It returns microseconds since the Unix epoch, rounded half up.
func parseISO8601(b []byte) (us int64, ok bool) {
	const layout = "0000-00-00T00:00:00"
	if len(b) <= len(layout) || !matches(b[:len(layout)], layout) {
		return 0, false
	}
	year, month, day := int(b[0]-'0')*1000+int(b[1]-'0')*100+twoDigits(b[2:]), twoDigits(b[5:]), twoDigits(b[8:])
	hour, minute, second := twoDigits(b[11:]), twoDigits(b[14:]), twoDigits(b[17:])
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	if t.Month() != time.Month(month) || t.Day() != day || hour > 23 || minute > 59 || second > 59 {
		return 0, false // such as the 30th of February
	}
	micros, b, ok := fraction(b[len(layout):])
	offset, zoneOK := zone(b)
	return (t.Unix()-offset)*1e6 + micros, ok && zoneOK
}

// fraction reads the decimals of a second, if there are any. It returns microseconds and
// the bytes behind the decimals.
func fraction(b []byte) (us int64, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '.' {
		return 0, b, true
	}
	end, scale := 1, int64(1e9)
	for end < len(b) && b[end]-'0' <= 9 && end <= 9 {
		us, scale = us*10+int64(b[end]-'0'), scale/10
		end++
	}
	return (us*scale + 500) / 1000, b[end:], end > 1
}

// zone reads the zone and returns seconds east of Greenwich.
func zone(b []byte) (seconds int64, ok bool) {
	switch {
	case string(b) == "Z":
		return 0, true
	case matches(b, "+00:00"), matches(b, "-00:00"):
	case matches(b, "+0000"), matches(b, "-0000"):
	default:
		return 0, false
	}
	hours, minutes := twoDigits(b[1:]), twoDigits(b[len(b)-2:])
	seconds = int64(hours*60+minutes) * 60
	if b[0] == '-' {
		seconds = -seconds
	}
	return seconds, hours < 24 && minutes < 60
}

// matches reports whether b has the form of the layout: a digit where the layout has 0,
// and the same byte elsewhere.
func matches(b []byte, layout string) bool {
	if len(b) != len(layout) {
		return false
	}
	for i, c := range b {
		if c != layout[i] && (layout[i] != '0' || c-'0' > 9) {
			return false
		}
	}
	return true
}

// twoDigits reads twoDigits digits.
func twoDigits(b []byte) int { return int(b[0]-'0')*10 + int(b[1]-'0') }
