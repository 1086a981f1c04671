package doctor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxAnswer is the longest answer that is believed, in bytes.
const maxAnswer = 64 << 20

// wire is one connection to one broker: a question, then its answer. It is used
// and not a client because the doctor must know which address said what, and a
// client hides that.
type wire struct {
	conn     net.Conn
	format   *kmsg.RequestFormatter
	timeout  time.Duration
	takes    map[int16]versions // by API key
	release  string
	question int32
}

// versions are those of one request that a broker takes.
type versions struct{ oldest, newest int16 }

// alienError is an answer that is not Kafka's.
type alienError struct{ head []byte }

func (e *alienError) Error() string { return fmt.Sprintf("answers %q", e.head) }

func newWire(ctx context.Context, conn net.Conn, clientID string, timeout time.Duration) *wire {
	context.AfterFunc(ctx, func() { conn.Close() })
	return &wire{conn: conn, format: kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID)), timeout: timeout}
}

// greet asks which requests the broker takes, which every Kafka since 0.10 tells
// anybody, and remembers it.
func (w *wire) greet() error {
	for _, version := range []int16{3, 0} { // older brokers refuse a version that they do not know
		req := kmsg.NewPtrApiVersionsRequest()
		req.ClientSoftwareName, req.ClientSoftwareVersion = "serveflow-doctor", "1"
		req.SetVersion(version)
		body, err := w.exchange(req)
		if err != nil {
			return err
		}
		resp := kmsg.NewPtrApiVersionsResponse()
		resp.Version = version
		if len(body) >= 2 && binary.BigEndian.Uint16(body) == unsupportedVersion && version > 0 {
			continue
		}
		if err := resp.ReadFrom(body); err != nil {
			return &alienError{body[:min(len(body), 16)]}
		}
		w.takes = make(map[int16]versions)
		for _, key := range resp.ApiKeys {
			w.takes[key.ApiKey] = versions{key.MinVersion, key.MaxVersion}
		}
		w.release = release(resp)
		return nil
	}
	return errors.New("the broker does not say which requests it takes")
}

// unsupportedVersion is Kafka's error code for it.
const unsupportedVersion = 35

// ask puts a question in the newest version that both sides know, at most limit.
func (w *wire) ask(req kmsg.Request, limit int16) (kmsg.Response, error) {
	takes, ok := w.takes[req.Key()]
	if !ok || takes.oldest > limit {
		return nil, fmt.Errorf("the broker does not take %s up to version %d", kmsg.NameForKey(req.Key()), limit)
	}
	req.SetVersion(min(takes.newest, limit))
	body, err := w.exchange(req)
	if err != nil {
		return nil, err
	}
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	if resp.IsFlexible() { // the header's tags stand before the body
		if body, err = skipTags(body); err != nil {
			return nil, err
		}
	}
	if err := resp.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("answer to %s: %w", kmsg.NameForKey(req.Key()), err)
	}
	return resp, nil
}

// exchange sends a request and gives the answer behind its correlation id.
func (w *wire) exchange(req kmsg.Request) ([]byte, error) {
	w.question++
	w.conn.SetDeadline(time.Now().Add(w.timeout))
	if _, err := w.conn.Write(w.format.AppendRequest(nil, req, w.question)); err != nil {
		return nil, err
	}
	var head [8]byte
	if n, err := io.ReadFull(w.conn, head[:]); err != nil {
		if n > 0 {
			return nil, &alienError{head[:n]}
		}
		return nil, err
	}
	size, id := binary.BigEndian.Uint32(head[:4]), int32(binary.BigEndian.Uint32(head[4:]))
	if size < 4 || size > maxAnswer || id != w.question {
		return nil, &alienError{head[:]}
	}
	body := make([]byte, size-4)
	_, err := io.ReadFull(w.conn, body)
	return body, err
}

// skipTags steps over the tagged fields of an answer's header.
func skipTags(body []byte) ([]byte, error) {
	count, n := binary.Uvarint(body)
	if n <= 0 {
		return nil, io.ErrUnexpectedEOF
	}
	for body = body[n:]; count > 0; count-- {
		_, key := binary.Uvarint(body)
		if key <= 0 {
			return nil, io.ErrUnexpectedEOF
		}
		size, n := binary.Uvarint(body[key:])
		if n <= 0 || size > uint64(len(body)-key-n) {
			return nil, io.ErrUnexpectedEOF
		}
		body = body[key+n+int(size):]
	}
	return body, nil
}
