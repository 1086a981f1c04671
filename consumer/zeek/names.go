package zeek

// field is one that a record can have and that we read.
type field uint8

const (
	fNone field = iota
	fEv
	fTS
	fUID
	fOrigH
	fOrigP
	fRespH
	fRespP
	fProto
	fSensor
	fN
	fIsOrig
	fIPLen
	fPlen
	fTTL
	fFlags
	fWin
	fHdr
	fHdrWhy
	fConnState
	fSent
	numFields
)

// fieldOf names the field of a key. It is a switch and not a map because the
// compiler turns it into a search by length, twice as fast.
func fieldOf(key []byte) field {
	switch string(key) {
	case "ev":
		return fEv
	case "ts":
		return fTS
	case "uid":
		return fUID
	case "id.orig_h":
		return fOrigH
	case "id.orig_p":
		return fOrigP
	case "id.resp_h":
		return fRespH
	case "id.resp_p":
		return fRespP
	case "proto":
		return fProto
	case "sensor":
		return fSensor
	case "n":
		return fN
	case "is_orig":
		return fIsOrig
	case "ip_len":
		return fIPLen
	case "plen":
		return fPlen
	case "ttl":
		return fTTL
	case "flags":
		return fFlags
	case "win":
		return fWin
	case "hdr":
		return fHdr
	case "hdr_why":
		return fHdrWhy
	case "conn_state":
		return fConnState
	case "sent":
		return fSent
	}
	return fNone
}

// following gives the key that Zeek writes behind a field, and its field.
func following(at field) (text string, next field) {
	switch at {
	case fEv:
		return `,"ts":`, fTS
	case fTS:
		return `,"uid":`, fUID
	case fUID:
		return `,"id.orig_h":`, fOrigH
	case fOrigH:
		return `,"id.orig_p":`, fOrigP
	case fOrigP:
		return `,"id.resp_h":`, fRespH
	case fRespH:
		return `,"id.resp_p":`, fRespP
	case fRespP:
		return `,"proto":`, fProto
	case fProto:
		return `,"n":`, fN
	case fN:
		return `,"is_orig":`, fIsOrig
	case fIsOrig:
		return `,"ip_len":`, fIPLen
	case fIPLen:
		return `,"plen":`, fPlen
	case fPlen:
		return `,"ttl":`, fTTL
	case fTTL:
		return `,"flags":`, fFlags
	case fFlags:
		return `,"win":`, fWin
	case fWin:
		return `,"hdr":`, fHdr
	}
	return "", fNone
}
