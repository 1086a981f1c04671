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

// maxAnswer bounds a response, in bytes: what answers may not be a broker.
const maxAnswer = 64 << 20

// brokerConn is one connection to one broker, with one request at a time. The doctor uses
// no client library here because it must know which address gave which answer.
type brokerConn struct {
	conn        net.Conn
	format      *kmsg.RequestFormatter
	timeout     time.Duration
	apis        map[int16]versions // the supported requests, by API key
	release     string
	correlation int32
}

// versions are the supported versions of one request.
type versions struct{ oldest, newest int16 }

// notKafkaError is an answer that is not Kafka's.
type notKafkaError struct{ head []byte }

func (e *notKafkaError) Error() string { return fmt.Sprintf("answers %q", e.head) }

func newConn(ctx context.Context, conn net.Conn, clientID string, timeout time.Duration) *brokerConn {
	context.AfterFunc(ctx, func() { conn.Close() })
	return &brokerConn{conn: conn, format: kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID)), timeout: timeout}
}

// apiVersions asks for the supported requests and stores them. Every Kafka since 0.10
// answers this before a login.
func (b *brokerConn) apiVersions() error {
	for _, version := range []int16{3, 0} { // older brokers refuse a version that they do not know
		req := kmsg.NewPtrApiVersionsRequest()
		req.ClientSoftwareName, req.ClientSoftwareVersion = "serveflow-doctor", "1"
		req.SetVersion(version)
		body, err := b.exchange(req)
		if err != nil {
			return err
		}
		resp := kmsg.NewPtrApiVersionsResponse()
		resp.Version = version
		if len(body) >= 2 && binary.BigEndian.Uint16(body) == unsupportedVersion && version > 0 {
			continue
		}
		if err := resp.ReadFrom(body); err != nil {
			return &notKafkaError{body[:min(len(body), 16)]}
		}
		b.apis = make(map[int16]versions)
		for _, key := range resp.ApiKeys {
			b.apis[key.ApiKey] = versions{key.MinVersion, key.MaxVersion}
		}
		b.release = release(resp)
		return nil
	}
	return errors.New("the broker does not say which requests it takes")
}

// unsupportedVersion is Kafka's error code for it.
const unsupportedVersion = 35

// ask sends a request in the newest version that both sides support, at most limit, and
// returns the response.
func (b *brokerConn) ask(req kmsg.Request, limit int16) (kmsg.Response, error) {
	apis, ok := b.apis[req.Key()]
	if !ok || apis.oldest > limit {
		return nil, fmt.Errorf("the broker does not take %s up to version %d", kmsg.NameForKey(req.Key()), limit)
	}
	req.SetVersion(min(apis.newest, limit))
	body, err := b.exchange(req)
	if err != nil {
		return nil, err
	}
	resp := req.ResponseKind()
	resp.SetVersion(req.GetVersion())
	if resp.IsFlexible() { // the header's tagged fields come before the body
		if body, err = skipTags(body); err != nil {
			return nil, err
		}
	}
	if err := resp.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("answer to %s: %w", kmsg.NameForKey(req.Key()), err)
	}
	return resp, nil
}

// exchange sends a request and returns the response without size and correlation id.
func (b *brokerConn) exchange(req kmsg.Request) ([]byte, error) {
	b.correlation++
	b.conn.SetDeadline(time.Now().Add(b.timeout))
	if _, err := b.conn.Write(b.format.AppendRequest(nil, req, b.correlation)); err != nil {
		return nil, err
	}
	var head [8]byte
	if n, err := io.ReadFull(b.conn, head[:]); err != nil {
		if n > 0 {
			return nil, &notKafkaError{head[:n]}
		}
		return nil, err
	}
	size, id := binary.BigEndian.Uint32(head[:4]), int32(binary.BigEndian.Uint32(head[4:]))
	if size < 4 || size > maxAnswer || id != b.correlation {
		return nil, &notKafkaError{head[:]}
	}
	body := make([]byte, size-4)
	_, err := io.ReadFull(b.conn, body)
	return body, err
}

// skipTags skips the tagged fields of a response's header.
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
