package fetch

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/segmentio/kafka-go/compress"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

var codecs = []compress.Compression{compress.None, compress.Gzip, compress.Snappy, compress.Lz4, compress.Zstd}

// answer is the response to a request: the records of a log.
func answer(q *Request, high int64, log []byte) []byte {
	be := binary.BigEndian
	body := be.AppendUint32(nil, uint32(q.Correlation))
	body = append(body, make([]byte, 4)...)
	if q.Version >= New {
		body = append(body, make([]byte, 6)...)
	}
	body = be.AppendUint32(body, 1)
	body = appendString(body, q.Topic)
	body = be.AppendUint32(body, 1)
	body = be.AppendUint32(body, uint32(q.Partition))
	body = append(body, 0, 0)
	body = be.AppendUint64(body, uint64(high))
	body = be.AppendUint64(body, uint64(high))
	if q.Version >= New {
		body = append(body, make([]byte, 8)...)
	}
	body = be.AppendUint32(body, 1) // one aborted transaction
	body = append(body, make([]byte, 16)...)
	body = append(be.AppendUint32(body, uint32(len(log))), log...)
	return append(be.AppendUint32(nil, uint32(len(body))), body...)
}

var limits = Limits{Value: 1 << 20, Excerpt: 1 << 20}

// read reads a log from an offset on as one response, and says what came of it.
func read(t testing.TB, from int64, l Limits, log ...[]byte) (got []string, next int64) {
	t.Helper()
	q := &Request{Version: New, Correlation: 7, Topic: "in", Partition: 3, Offset: from}
	r := NewReader(l, NewMemory())
	r.Reset(bytes.NewReader(answer(q, 1000, bytes.Join(log, nil))))
	if res, err := r.Begin(q); err != nil || res.Error != 0 || res.High != 1000 {
		t.Fatalf("%+v, %v", res, err)
	}
	for {
		var rec Record
		err := r.Next(context.Background(), &rec)
		if errors.Is(err, io.EOF) {
			return got, r.Offset()
		}
		if err != nil {
			return append(got, err.Error()), r.Offset()
		}
		got = append(got, show(&rec))
	}
}

func show(rec *Record) string {
	text := fmt.Sprint(rec.Offset)
	if rec.Last != rec.Offset {
		text += fmt.Sprint("-", rec.Last)
	}
	switch {
	case rec.Err == nil:
		return text + " " + string(rec.Value)
	case rec.Size != len(rec.Value):
		return fmt.Sprint(text, " ", rec.Err.Reason, " cut to ", len(rec.Value), " of ", rec.Size)
	}
	return text + " " + rec.Err.Reason
}

func values(all ...string) (list [][]byte) {
	for _, v := range all {
		list = append(list, []byte(v))
	}
	return list
}

func good(base int64, all ...string) []byte {
	return kafkatest.Batch{Base: base, Codec: compress.Lz4, Values: values(all...)}.Bytes()
}

func expect(t *testing.T, name string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", name, got, want)
	}
}

func TestEveryCodec(t *testing.T) {
	long := strings.Repeat("long ", 100_000) // does not fit into a window
	for _, codec := range codecs {
		batch := kafkatest.Batch{Base: 5, Codec: codec, Values: values("a", "", long, "d")}
		got, next := read(t, 5, limits, batch.Bytes(), good(9, "e"))
		expect(t, codec.String(), got, "5 a", "6 ", "7 "+long, "8 d", "9 e")
		if next != 10 {
			t.Errorf("%v: next is %d", codec, next)
		}
	}
}

func TestWhatIsPassedOver(t *testing.T) {
	marker := kafkatest.Batch{Base: 7, Values: values("x"), Control: true}.Bytes()
	behind := good(20, "f") // compaction took what was between
	cut := good(21, "g")
	got, next := read(t, 6, limits, good(3, "a"), good(4, "b", "c", "d"), marker, behind, cut[:len(cut)-1])
	expect(t, "from 6 on", got, "6 d", "20 f")
	if next != 21 {
		t.Errorf("next is %d", next)
	}
	if got, next = read(t, 7, limits, marker); len(got) != 0 || next != 8 {
		t.Errorf("a marker alone: %v, next %d", got, next)
	}
	if got, next = read(t, 7, limits); len(got) != 0 || next != 7 {
		t.Errorf("nothing: %v, next %d", got, next)
	}
}

// Whatever lies in the log, the batches around it are read.
func TestHostileBatches(t *testing.T) {
	type batch = kafkatest.Batch
	three := values("a", "b", "c")
	broken := batch{Base: 5, Codec: compress.Lz4, Values: three, CRC: 1}
	packed := kafkatest.Pack(compress.Gzip, kafkatest.AppendRecord(kafkatest.AppendRecord(nil, 0, three[0]), 1, []byte(strings.Repeat("b", 1000))))
	for _, tt := range []struct {
		name string
		bad  batch
		want []string
	}{
		{"checksum", broken, []string{"5-7 crc"}},
		{"format 1", batch{Base: 5, Values: three, Format: 1}, []string{"5-7 format"}},
		{"a format to come", batch{Base: 5, Values: three, Format: 3}, []string{"5-7 format"}},
		{"unknown codec", batch{Base: 5, Codec: 5, Packed: []byte("?"), Count: 3}, []string{"5-7 compression"}},
		{"lz4 that says gzip", batch{Base: 5, Codec: compress.Gzip, Packed: kafkatest.Pack(compress.Lz4, nil), Count: 3}, []string{"5-7 compression"}},
		{"nothing where gzip is", batch{Base: 5, Codec: compress.Gzip, Packed: []byte{}, Count: 3}, []string{"5-7 batch"}},
		{"no zstd", batch{Base: 5, Codec: compress.Zstd, Packed: []byte("not zstd at all"), Count: 3}, []string{"5-7 compression"}},
		{"no snappy", batch{Base: 5, Codec: compress.Snappy, Packed: []byte("\xff\xff\xff\xff\x0fnot snappy"), Count: 3}, []string{"5-7 batch_too_large"}},
		{"no snappy in xerial's frames", batch{Base: 5, Codec: compress.Snappy, Packed: append(append(slices.Clone(xerialMagic), make([]byte, 8)...), 0xff, 0, 0, 0), Count: 3}, []string{"5-7 compression"}},
		{"packed, and damaged behind the first record", batch{Base: 5, Codec: compress.Gzip, Packed: packed[:len(packed)-12], Count: 3}, []string{"5 a", "6-7 compression"}},
		{"fewer records than it says", batch{Base: 5, Values: three[:1], Count: 3}, []string{"5 a", "6-7 batch"}},
		{"no count", batch{Base: 5, Values: three, Count: -1}, []string{"5-7 batch"}},
		{"a record of two gigabytes", batch{Base: 5, Records: binary.AppendVarint(nil, 1<<31), Count: 3}, []string{"5-7 batch"}},
		{"a record of negative size", batch{Base: 5, Records: binary.AppendVarint(nil, -1), Count: 3}, []string{"5-7 batch"}},
		{"a number without end", batch{Base: 5, Records: bytes.Repeat([]byte{0xff}, 20), Count: 3}, []string{"5-7 batch"}},
		{"a key longer than its record", batch{Base: 5, Records: []byte{12, 0, 0, 0, 100, 1, 2}, Count: 3}, []string{"5-7 batch"}},
		{"a value longer than its record", batch{Base: 5, Records: []byte{12, 0, 0, 0, 1, 100, 2}, Count: 3}, []string{"5-7 batch"}},
		{"an offset twice", batch{Base: 5, Records: append(kafkatest.AppendRecord(nil, 0, three[0]), kafkatest.AppendRecord(nil, 0, three[0])...), Count: 3}, []string{"5 a", "6-7 batch"}},
		{"an offset beyond the batch", batch{Base: 5, Records: kafkatest.AppendRecord(nil, 3, three[0]), Count: 3}, []string{"5-7 batch"}},
		{"tombstones", batch{Base: 5, Codec: compress.Zstd, Values: [][]byte{nil, []byte("b"), nil}}, []string{"5 tombstone", "6 b", "7 tombstone"}},
	} {
		got, next := read(t, 4, limits, good(4, "before"), tt.bad.Bytes(), good(8, "after"))
		expect(t, tt.name, got, append(append([]string{"4 before"}, tt.want...), "8 after")...)
		if next != 9 {
			t.Errorf("%s: next is %d", tt.name, next)
		}
		for _, text := range got {
			if _, reason, _ := strings.Cut(text, " "); len(tt.want) == 1 && strings.Contains(text, "5-") && !slices.Contains(Reasons(), reason) {
				t.Errorf("%s is none of the reasons", reason)
			}
		}
	}

	// A batch may say that it is shorter than its own header, wherever it lies.
	short := make([]byte, 32)
	short[7], short[11], short[16] = 5, 20, 2 // offset, length, format
	got, next := read(t, 5, limits, short)
	if expect(t, "a short batch", got, "5 batch"); next != 6 {
		t.Errorf("behind a short batch: next is %d", next)
	}
	got, _ = read(t, 5, limits, short, good(8, "after"))
	expect(t, "a short batch before another", got, "5-7 batch", "8 after")

	// The head of a batch whose checksum is wrong is not believed: where it ends is
	// where the next one begins, and the next fetch shows that.
	if got, next := read(t, 4, limits, good(4, "before"), broken.Bytes()); next != 5 {
		t.Errorf("at the end of a response: %q, next %d", got, next)
	}
	got, next = read(t, 5, limits, broken.Bytes())
	if expect(t, "alone", got, "5-7 crc"); next != 8 {
		t.Errorf("alone: next is %d", next)
	}
	got, _ = read(t, 6, limits, broken.Bytes(), good(8, "after"))
	expect(t, "from its middle on", got, "6-7 crc", "8 after")
}

func TestLongRecords(t *testing.T) {
	small := Limits{Value: 100, Excerpt: 50}
	for _, codec := range codecs {
		batch := kafkatest.Batch{Codec: codec, Values: [][]byte{[]byte("a"), bytes.Repeat([]byte("b"), 101),
			bytes.Repeat([]byte("c"), 300_000), nil, []byte("e"), bytes.Repeat([]byte("f"), 100_000)}}
		got, next := read(t, 0, small, batch.Bytes())
		expect(t, codec.String(), got, "0 a", "1 too_long cut to 50 of 101", "2 too_long cut to 50 of 300000", "3 tombstone", "4 e",
			"5 too_long cut to 50 of 100000")
		if next != 6 {
			t.Errorf("%v: next is %d", codec, next)
		}
	}
	wide := append([]byte{0, 0, 0}, binary.AppendVarint(nil, 1<<20)...) // a record under a key of a megabyte
	wide = append(append(wide, make([]byte, 1<<20)...), binary.AppendVarint(nil, 5)...)
	wide = append(wide, "value\x00"...)
	records := append(binary.AppendVarint(nil, int64(len(wide))), wide...)
	got, _ := read(t, 0, small, kafkatest.Batch{Codec: compress.Gzip, Records: records, Count: 1}.Bytes())
	expect(t, "a large key", got, "0 value")
}

// bomb is a batch of one good record, and others that unpack to a lot of zeros.
func bomb(codec compress.Compression, zeros int) []byte {
	records := kafkatest.AppendRecord(nil, 0, []byte("a"))
	for i := 1; i < 4; i++ {
		records = kafkatest.AppendRecord(records, i, make([]byte, zeros/3))
	}
	return kafkatest.Batch{Codec: codec, Records: records, Count: 4}.Bytes()
}

func TestBombs(t *testing.T) {
	for _, codec := range []compress.Compression{compress.Gzip, compress.Lz4, compress.Zstd} {
		packed := bomb(codec, 2*maxUnpacked)
		var got []string
		var next int64
		// The least of a few: the race detector has pools forget at random, which costs
		// another decoder.
		const most = 24 << 20
		took := uint64(most + 1)
		for try := 0; try < 4 && took > most; try++ {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got, next = read(t, 0, limits, packed, good(4, "after"))
			runtime.ReadMemStats(&after)
			took = after.TotalAlloc - before.TotalAlloc
		}
		size := 2 * maxUnpacked / 3
		expect(t, codec.String(), got, "0 a", fmt.Sprintf("1 too_long cut to %d of %d", limits.Excerpt, size),
			fmt.Sprintf("2 too_long cut to %d of %d", limits.Excerpt, size), "3 batch_too_large", "4 after")
		if next != 5 {
			t.Errorf("%v: next is %d", codec, next)
		}
		if took > most {
			t.Errorf("%v: %d bytes in, %d bytes of memory asked for", codec, len(packed), took)
		}
	}
	// Snappy unpacks a block at once, and no more than 21 bytes of one.
	got, _ := read(t, 0, limits, kafkatest.Batch{Codec: compress.Snappy, Packed: binary.AppendUvarint(nil, maxBlock+1), Count: 1}.Bytes())
	expect(t, "snappy", got, "0 batch_too_large")
	large := kafkatest.Batch{Values: [][]byte{make([]byte, maxPacked)}}.Bytes()
	got, _ = read(t, 0, limits, large, good(1, "after"))
	expect(t, "a large batch", got, fmt.Sprintf("0 batch_too_large cut to %d of %d", limits.Excerpt, len(large)), "1 after")
}

// From zstd's level 20 on, a stream asks for a buffer of 32 to 128 MiB. What such
// a batch holds is read nevertheless.
func TestZstdThatLooksFarBack(t *testing.T) {
	far, err := zstd.NewWriter(nil, zstd.WithWindowSize(64<<20), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	pack := func(records []byte) []byte {
		var packed bytes.Buffer
		far.Reset(&packed)
		for ; len(records) > 0; records = records[min(len(records), 1<<20):] {
			far.Write(records[:min(len(records), 1<<20)])
			far.Flush()
		}
		far.Close()
		return packed.Bytes()
	}
	records := kafkatest.AppendRecord(kafkatest.AppendRecord(nil, 0, []byte("a")), 1, []byte("b"))
	got, _ := read(t, 0, limits, kafkatest.Batch{Codec: compress.Zstd, Packed: pack(records), Count: 2}.Bytes())
	expect(t, "small", got, "0 a", "1 b")
	records = kafkatest.AppendRecord(nil, 0, make([]byte, maxBlock))
	got, _ = read(t, 0, limits, kafkatest.Batch{Codec: compress.Zstd, Packed: pack(records), Count: 1}.Bytes())
	expect(t, "beyond what is unpacked at once", got, "0 batch_too_large")
}

func TestBrokenResponses(t *testing.T) {
	for _, version := range []int16{Old, New} {
		q := &Request{Version: version, Topic: "in", ClientID: "me"}
		whole := answer(q, 10, good(0, "a", "b"))
		r := NewReader(limits, NewMemory())
		r.Reset(bytes.NewReader(whole))
		var rec Record
		if _, err := r.Begin(q); err != nil || r.Next(context.Background(), &rec) != nil || r.Next(context.Background(), &rec) != nil || r.Next(context.Background(), &rec) != io.EOF {
			t.Fatalf("version %d: %v", version, err)
		}
		for cut := range whole {
			r.Reset(bytes.NewReader(whole[:cut]))
			_, err := r.Begin(q)
			for err == nil {
				err = r.Next(context.Background(), &rec)
			}
			if !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) { // that is the end of a response
				t.Fatalf("version %d, cut at %d: %v", version, cut, err)
			}
		}
		other := *q
		other.Correlation = 1
		r.Reset(bytes.NewReader(whole))
		if _, err := r.Begin(&other); !errors.Is(err, errResponse) {
			t.Errorf("another's response: %v", err)
		}
	}
	if Version(3) != Old || Version(9) != Old || Version(10) != New || Version(17) != New {
		t.Error("versions")
	}
}
