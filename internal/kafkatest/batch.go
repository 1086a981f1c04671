package kafkatest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/compress"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Batch is a record batch as a log holds it; a test may make it invalid. A field that
// is zero gets its valid value.
type Batch struct {
	Base    int64 // offset of the first record
	Codec   compress.Compression
	Values  [][]byte // the records' values; nil: a tombstone
	Records []byte   // the encoded records, instead of Values
	Packed  []byte   // the compressed records, instead of Records
	Count   int32    // number of records; 0: len(Values)
	Format  int8     // magic byte; 0: 2
	CRC     uint32   // is added to the right checksum
	Control bool     // the batch holds a transaction's marker
}

// Bytes encodes the batch as the protocol has it.
func (b Batch) Bytes() []byte {
	be := binary.BigEndian
	records, count := b.Records, b.Count
	if records == nil {
		for i, value := range b.Values {
			records = AppendRecord(records, i, value)
		}
	}
	if count == 0 {
		count = int32(len(b.Values))
	}
	packed := b.Packed
	if packed == nil {
		packed = Pack(b.Codec, records)
	}
	attributes := uint16(b.Codec)
	if b.Control {
		attributes |= 0x30
	}
	body := be.AppendUint16(nil, attributes)
	body = be.AppendUint32(body, uint32(count-1))
	body = be.AppendUint64(body, 1700000000000)
	body = be.AppendUint64(body, 1700000000000)
	body = be.AppendUint64(body, ^uint64(0)) // no producer id, epoch or sequence
	body = be.AppendUint16(body, ^uint16(0))
	body = be.AppendUint32(body, ^uint32(0))
	body = be.AppendUint32(body, uint32(count))
	body = append(body, packed...)

	batch := be.AppendUint64(nil, uint64(b.Base))
	batch = be.AppendUint32(batch, uint32(9+len(body)))
	batch = be.AppendUint32(batch, 0)
	if b.Format == 0 {
		b.Format = 2
	}
	batch = append(batch, byte(b.Format))
	batch = be.AppendUint32(batch, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))+b.CRC)
	return append(batch, body...)
}

// AppendRecord appends an encoded record with a key, a header and an offset that is
// relative to its batch. A nil value makes a tombstone.
func AppendRecord(dst []byte, offset int, value []byte) []byte {
	body := []byte{0, 0}
	body = binary.AppendVarint(body, int64(offset))
	body = append(binary.AppendVarint(body, 3), "key"...)
	if value == nil {
		body = binary.AppendVarint(body, -1)
	} else {
		body = append(binary.AppendVarint(body, int64(len(value))), value...)
	}
	body = binary.AppendVarint(body, 1)
	body = append(binary.AppendVarint(body, 4), "from"...)
	body = append(binary.AppendVarint(body, 4), "test"...)
	return append(binary.AppendVarint(dst, int64(len(body))), body...)
}

// Pack compresses encoded records as producers do.
func Pack(codec compress.Compression, records []byte) []byte {
	if codec == compress.None {
		return records
	}
	var packed bytes.Buffer
	w := codec.Codec().NewWriter(&packed)
	w.Write(records) // into memory: it cannot fail
	w.Close()
	return packed.Bytes()
}

// ProduceRaw sends a batch to a broker unchanged. It returns the offset of the batch's
// first record, or the broker's error. Any other error fails the test.
func ProduceRaw(t testing.TB, addr, topic string, partition int, batch []byte) (offset int64, err error) {
	t.Helper()
	to := kmsg.ProduceRequestTopicPartition{Partition: int32(partition), Records: batch}
	req := &kmsg.ProduceRequest{Version: 8, Acks: -1, TimeoutMillis: int32(requestTimeout.Milliseconds()),
		Topics: []kmsg.ProduceRequestTopic{{Topic: topic, Partitions: []kmsg.ProduceRequestTopicPartition{to}}}}
	resp := &kmsg.ProduceResponse{Version: 8}
	if err := exchange(addr, kmsg.NewRequestFormatter().AppendRequest(nil, req, 1), resp.ReadFrom); err != nil {
		t.Fatalf("kafkatest: produce to %s/%d: %v", topic, partition, err)
	}
	got := resp.Topics[0].Partitions[0]
	if got.ErrorCode != 0 {
		err = kafka.Error(got.ErrorCode)
		if got.ErrorMessage != nil {
			err = fmt.Errorf("%w: %s", err, *got.ErrorMessage)
		}
	}
	return got.BaseOffset, err
}

// exchange sends a request and calls read with the response's body.
func exchange(addr string, request []byte, read func(body []byte) error) error {
	conn, err := net.DialTimeout("tcp", addr, requestTimeout)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(requestTimeout))
	if _, err := conn.Write(request); err != nil {
		return err
	}
	var head [8]byte // size and correlation
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return err
	}
	body := make([]byte, binary.BigEndian.Uint32(head[:])-4)
	if _, err := io.ReadFull(conn, body); err != nil {
		return err
	}
	return read(body)
}

// EditLog changes a partition's log file in place: edit is called with each batch and
// its base offset. The broker is stopped before and started again after it.
func (b *Broker) EditLog(topic string, partition int, edit func(base int64, batch []byte)) {
	b.t.Helper()
	b.Stop()
	name := filepath.Join(b.dir, "data", fmt.Sprintf("%s-%d", topic, partition), fmt.Sprintf("%020d.log", 0))
	log, err := os.ReadFile(name)
	b.check("read the log", err)
	for rest := log; len(rest) > 12; {
		size := 12 + int(binary.BigEndian.Uint32(rest[8:]))
		edit(int64(binary.BigEndian.Uint64(rest)), rest[:size])
		rest = rest[size:]
	}
	b.check("write the log", os.WriteFile(name, log, 0o600))
	b.run()
}

// Seal writes the right checksum into a batch that was changed.
func Seal(batch []byte) {
	binary.BigEndian.PutUint32(batch[17:], crc32.Checksum(batch[21:], crc32.MakeTable(crc32.Castagnoli)))
}
