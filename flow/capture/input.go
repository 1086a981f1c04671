package capture

import (
	"bufio"
	"io"
)

// input is the bytes of a capture. It knows how many were read, for errors.
type input struct {
	counter countingReader
	buf     *bufio.Reader
	large   []byte // holds what buf is too small for
}

// countingReader counts the bytes that were read from r.
type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

func newInput(r io.Reader) *input {
	in := &input{counter: countingReader{r: r}}
	in.buf = bufio.NewReaderSize(&in.counter, 64<<10)
	return in
}

// offset is the number of bytes taken so far.
func (in *input) offset() int64 { return in.counter.n - int64(in.buf.Buffered()) }

// take returns the next n bytes. They are valid until the next call. The error is io.EOF
// if nothing is left, and io.ErrUnexpectedEOF if less than n bytes are left.
func (in *input) take(n int) ([]byte, error) {
	if n > in.buf.Size() {
		if n > len(in.large) {
			in.large = make([]byte, n)
		}
		_, err := io.ReadFull(in.buf, in.large[:n])
		return in.large[:n], err
	}
	b, err := in.buf.Peek(n)
	in.buf.Discard(len(b)) // it is in the buffer
	if err == io.EOF && len(b) > 0 {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// rest is take within a packet or block that has begun: that nothing is left is an error.
func (in *input) rest(n int) ([]byte, error) {
	b, err := in.take(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// ahead returns the next n bytes, and take will return them again.
func (in *input) ahead(n int) ([]byte, error) {
	b, err := in.buf.Peek(n)
	if err == io.EOF {
		in.buf.Discard(len(b)) // for the offset in the error
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// skip leaves out n bytes of a packet or block that has begun.
func (in *input) skip(n int) error {
	_, err := in.buf.Discard(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}
