package kafkatest

import (
	"bytes"

	"github.com/segmentio/kafka-go/compress"
)

// Bomb returns a batch that decompresses to much more than its size: records records,
// each with a value of spaces spaces. zstd encodes 128 KiB of one repeated byte in
// four bytes.
func Bomb(records, spaces int) []byte {
	// The magic; a frame without sizes and checksum; a window of 128 KiB.
	packed := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3}
	block := func(kind, size int, last bool, content ...byte) {
		head := size<<3 | kind<<1
		if last {
			head |= 1
		}
		packed = append(packed, byte(head), byte(head>>8), byte(head>>16))
		packed = append(packed, content...)
	}
	const raw, repeated, maxBlock = 0, 1, 128 << 10
	for i := range records {
		whole := AppendRecord(nil, i, bytes.Repeat([]byte(" "), spaces))
		value := bytes.LastIndexByte(whole, ' ') + 1 - spaces
		block(raw, value, false, whole[:value]...)
		for left := spaces; left > 0; left -= min(left, maxBlock) {
			block(repeated, min(left, maxBlock), false, ' ')
		}
		suffix := whole[value+spaces:]
		block(raw, len(suffix), i == records-1, suffix...)
	}
	return Batch{Codec: compress.Zstd, Packed: packed, Count: int32(records)}.Bytes()
}

// Poison returns records that a broker accepts and the decoder of packet records
// refuses, each with the reason of its dead letter. The large ones have 20 KB to 6 MB.
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

// BadRecord is a record that cannot be decoded.
type BadRecord struct {
	Value  []byte
	Reason string // of its dead letter
}
