package kafkatest

import (
	"bytes"

	"github.com/segmentio/kafka-go/compress"
)

// Bomb is a batch of so many records of so many spaces each, in a few bytes a
// hundred kilobytes: zstd says how often a byte comes, and no more.
func Bomb(records, spaces int) []byte {
	// The magic; neither sizes nor a checksum; what the stream may look back: 128 KiB.
	packed := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3}
	block := func(kind, size int, last bool, content ...byte) {
		head := size<<3 | kind<<1
		if last {
			head |= 1
		}
		packed = append(packed, byte(head), byte(head>>8), byte(head>>16))
		packed = append(packed, content...)
	}
	const raw, repeated, most = 0, 1, 128 << 10
	for i := range records {
		whole := AppendRecord(nil, i, bytes.Repeat([]byte(" "), spaces))
		value := bytes.LastIndexByte(whole, ' ') + 1 - spaces
		block(raw, value, false, whole[:value]...)
		for left := spaces; left > 0; left -= min(left, most) {
			block(repeated, min(left, most), false, ' ')
		}
		behind := whole[value+spaces:]
		block(raw, len(behind), i == records-1, behind...)
	}
	return Batch{Codec: compress.Zstd, Packed: packed, Count: int32(records)}.Bytes()
}

// Poison is records that a broker takes and a decoder of packet records does not,
// with the reason for which each becomes a dead letter. The large ones have 20 KB
// to 6 MB.
func Poison() (small, large []BadRecord) {
	repeated := func(text string, n int) string { return string(bytes.Repeat([]byte(text), n)) }
	small = []BadRecord{
		{nil, "tombstone"},
		{[]byte(""), "syntax"},
		{[]byte("{\"ev\":\"pkt\"\x00}"), "syntax"},
		{[]byte("{\"ev\":\"pkt\",\"uid\":\"a\x00b\"}"), "syntax"},
		{[]byte("{\"ev\":\"pkt\",\"ts\":1.7e9,\"uid\":\"C\xff\xfe\"}"), "field_type"},
		{[]byte(`{"ev":"pkt","ts":[1]}`), "field_type"},
		{[]byte(`{"ev":"pkt","ts":1.7e9,"uid":{}}`), "field_type"},
		{[]byte(`{"ev":"pkt","ts":1e99,"uid":"C1"}`), "field_range"},
		{[]byte(`{"ev":"pkt"}`), "field_missing"},
		{[]byte(`{"a":` + repeated("[", 100)), "too_deep"},
		{[]byte(`{` + repeated(`"k":1,`, 1000) + `"ev":"pkt"}`), "too_many_keys"},
	}
	large = []BadRecord{
		{[]byte(`{"a":` + repeated("[", 100_000)), "too_deep"},
		{[]byte(`{` + repeated(`"k":1,`, 40_000) + `"ev":"pkt"}`), "too_many_keys"},
		{[]byte(`{"a":"` + repeated("a", 20_000) + `"}`), "too_long"},
		{[]byte(`{"ev":"pkt"` + repeated(" ", 300_000) + `}`), "too_long"},
		{[]byte(`{` + repeated(`"k":1,`, 1_000_000) + `"ev":"pkt"}`), "too_long"}, // a dead letter keeps a megabyte of it
	}
	return small, large
}

// BadRecord is a record, and why it cannot be read.
type BadRecord struct {
	Value  []byte
	Reason string
}
