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

// Batch is a record batch as it lies in a log, good or not. What is left zero is
// as it must be.
type Batch struct {
	Base    int64
	Codec   compress.Compression
	Values  [][]byte // a nil one is a tombstone
	Records []byte   // what is packed, in place of Values
	Packed  []byte   // what stands behind the head, in place of Records
	Count   int32    // of records
	Format  int8     // 2 if it is 0
	CRC     uint32   // what is wrong in the checksum
	Control bool     // it holds a transaction's marker
}

// Bytes gives the batch as it goes over the wire.
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

// AppendRecord appends the record at a place of a batch, with a key and a header.
func AppendRecord(dst []byte, place int, value []byte) []byte {
	body := []byte{0, 0}
	body = binary.AppendVarint(body, int64(place))
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

// Pack compresses as producers do.
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

// ProduceRaw hands the broker a batch as it is, and gives the offset that its
// first record has, or why the broker refuses it.
func ProduceRaw(t testing.TB, addr, topic string, partition int, batch []byte) (offset int64, err error) {
	t.Helper()
	to := kmsg.ProduceRequestTopicPartition{Partition: int32(partition), Records: batch}
	req := &kmsg.ProduceRequest{Version: 8, Acks: -1, TimeoutMillis: int32(patience.Milliseconds()),
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

// exchange writes a request and hands the response's body to read.
func exchange(addr string, request []byte, read func(body []byte) error) error {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
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

// EditLog changes a partition's log behind the broker's back, in place: edit is
// given each batch as it lies there. The broker is stopped and started again.
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

// Seal puts the checksum right after a batch was changed.
func Seal(batch []byte) {
	binary.BigEndian.PutUint32(batch[17:], crc32.Checksum(batch[21:], crc32.MakeTable(crc32.Castagnoli)))
}
