package zeek

// field is a field that the decoder reads.
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

	// Only in conn.log.
	fPath
	fFilePath // of the file that a log shipper read the record from, as are the next four
	fFile
	fFileName
	fSource
	fPlainPath // or the log's name
	fDuration
	fService
	fHistory
	fOrigBytes
	fRespBytes
	fMissedBytes
	fOrigPkts
	fRespPkts
	fOrigIPBytes
	fRespIPBytes

	// Envelope fields that can hold a record. If several do, the first of these counts.
	fOriginal
	fMessage
	fLog
	fPayload

	// Objects whose members are fields, too.
	fID
	fEvent
	numFields
)

// fieldOf returns the field of a key. The compiler turns the switch into a search by
// length, which is twice as fast as a map.
func fieldOf(key []byte) field {
	switch string(key) {
	case "ev":
		return fEv
	case "ts":
		return fTS
	case "uid":
		return fUID
	case "id.orig_h", "id_orig_h":
		return fOrigH
	case "id.orig_p", "id_orig_p":
		return fOrigP
	case "id.resp_h", "id_resp_h":
		return fRespH
	case "id.resp_p", "id_resp_p":
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
	case "_path":
		return fPath
	case "log.file.path":
		return fFilePath
	case "file":
		return fFile
	case "filename", "file_path", "filePath":
		return fFileName
	case "source":
		return fSource
	case "path":
		return fPlainPath
	case "duration":
		return fDuration
	case "service":
		return fService
	case "history":
		return fHistory
	case "orig_bytes":
		return fOrigBytes
	case "resp_bytes":
		return fRespBytes
	case "missed_bytes":
		return fMissedBytes
	case "orig_pkts":
		return fOrigPkts
	case "resp_pkts":
		return fRespPkts
	case "orig_ip_bytes":
		return fOrigIPBytes
	case "resp_ip_bytes":
		return fRespIPBytes
	case "event.original":
		return fOriginal
	case "message":
		return fMessage
	case "log":
		return fLog
	case "payload":
		return fPayload
	case "id":
		return fID
	case "event":
		return fEvent
	}
	return fNone
}

// fieldWithin returns the field of a key in the object fID or fEvent.
func fieldWithin(object field, key []byte) field {
	if object == fEvent {
		if string(key) == "original" {
			return fOriginal
		}
		return fNone
	}
	switch string(key) {
	case "orig_h":
		return fOrigH
	case "orig_p":
		return fOrigP
	case "resp_h":
		return fRespH
	case "resp_p":
		return fRespP
	}
	return fNone
}

// usualNext holds, for each field, the text that Zeek usually writes between its value
// and the next one, and the field of that. It is read only. A switch instead would make
// Decode a tenth slower.
var usualNext = [numFields]struct {
	text string
	next field
}{
	fEv:          {`,"ts":`, fTS},
	fTS:          {`,"uid":`, fUID},
	fUID:         {`,"id.orig_h":`, fOrigH},
	fOrigH:       {`,"id.orig_p":`, fOrigP},
	fOrigP:       {`,"id.resp_h":`, fRespH},
	fRespH:       {`,"id.resp_p":`, fRespP},
	fRespP:       {`,"proto":`, fProto},
	fProto:       {`,"n":`, fN},
	fN:           {`,"is_orig":`, fIsOrig},
	fIsOrig:      {`,"ip_len":`, fIPLen},
	fIPLen:       {`,"plen":`, fPlen},
	fPlen:        {`,"ttl":`, fTTL},
	fTTL:         {`,"flags":`, fFlags},
	fFlags:       {`,"win":`, fWin},
	fWin:         {`,"hdr":`, fHdr},
	fSensor:      {`,"id.orig_h":`, fOrigH},
	fDuration:    {`,"conn_state":`, fConnState},
	fService:     {`,"conn_state":`, fConnState},
	fConnState:   {`,"history":`, fHistory},
	fHistory:     {`,"orig_pkts":`, fOrigPkts},
	fOrigPkts:    {`,"resp_pkts":`, fRespPkts},
	fRespPkts:    {`,"orig_ip_bytes":`, fOrigIPBytes},
	fOrigIPBytes: {`,"resp_ip_bytes":`, fRespIPBytes},
	fRespIPBytes: {`,"orig_bytes":`, fOrigBytes},
	fOrigBytes:   {`,"resp_bytes":`, fRespBytes},
	fRespBytes:   {`,"sent":`, fSent},
}
