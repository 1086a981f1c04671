package sink

import (
	"bytes"
	"errors"
	"testing"
)

// Each label is a line. It is acknowledged, where somebody waits.
func TestLines(t *testing.T) {
	var out bytes.Buffer
	lines, acks := NewLines(&out), &ack{}
	v := verdict()
	lines.Put(&v)
	v.Acker = acks
	lines.Put(&v)
	lines.Put(&v)
	line := append(AppendLabel(nil, &v), '\n')
	if err := lines.Flush(); err != nil || lines.Err() != nil || acks.n != 2 || !bytes.Equal(out.Bytes(), bytes.Repeat(line, 3)) {
		t.Errorf("%v, %v, %d acknowledged, lines %s", err, lines.Err(), acks.n, out.String())
	}
}

var errFull = errors.New("no space left on device")

// disk takes so many bytes.
type disk struct{ left int }

func (d *disk) Write(p []byte) (int, error) {
	if n := d.left; n < len(p) {
		d.left = 0
		return n, errFull
	}
	d.left -= len(p)
	return len(p), nil
}

// After a failure nothing is written and nothing is acknowledged, even with room again.
func TestLinesSayThatTheDiskIsFull(t *testing.T) {
	full := &disk{}
	lines, acks := NewLines(full), &ack{}
	v := verdict()
	v.Acker = acks
	for lines.Err() == nil {
		lines.Put(&v)
	}
	full.left = 1 << 20
	buffered := acks.n
	for range 1000 {
		lines.Put(&v)
	}
	size := len(AppendLabel(nil, &v)) + 1
	if !errors.Is(lines.Err(), errFull) || !errors.Is(lines.Flush(), errFull) || full.left != 1<<20 || acks.n != buffered || buffered*size > 64<<10 {
		t.Errorf("%v, %d bytes left, %d acknowledged, then %d", lines.Err(), full.left, buffered, acks.n)
	}
}

// A label that fits the buffer may fail only when it is flushed.
func TestFlushFails(t *testing.T) {
	lines, v := NewLines(&disk{}), verdict()
	if lines.Put(&v); lines.Err() != nil {
		t.Fatal(lines.Err())
	}
	err := lines.Flush()
	if !errors.Is(err, errFull) || !errors.Is(lines.Err(), errFull) {
		t.Errorf("%v, %v", err, lines.Err())
	}
	const want = "sink: write labels: no space left on device; those before it are written: make room and start again"
	if err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
