package brokers

import (
	"encoding/binary"
	"errors"
	"io"
	"net"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxAnswer bounds a response, in bytes, while the other side has not proved to be a
// broker. kafka-go has no bound: the banner of an SSH server reads as a response of
// 60 GB, and allocating it ends the process.
const maxAnswer = 1 << 20

// handshake is a connection on which the requests before the first real one are sent.
type handshake struct {
	conn        net.Conn
	addr        string
	tls         bool
	format      *kmsg.RequestFormatter
	correlation int32
}

// ask sends a request, in a version below the flexible ones, and reads its response.
func (h *handshake) ask(req kmsg.Request, into kmsg.Response) error {
	h.correlation++
	if _, err := h.conn.Write(h.format.AppendRequest(nil, req, h.correlation)); err != nil {
		return err
	}
	var head [8]byte // size and correlation id
	n, err := io.ReadFull(h.conn, head[:])
	size, id := binary.BigEndian.Uint32(head[:4]), int32(binary.BigEndian.Uint32(head[4:]))
	switch {
	case !h.tls && n >= 2 && head[0] == 0x15 && head[1] == 0x03:
		return wantsTLS(h.addr, head[:n])
	case n > 0 && (err != nil || size < 4 || size > maxAnswer || id != h.correlation):
		return notKafka(h.addr, head[:n])
	case err != nil:
		return err
	}
	body := make([]byte, size-4)
	if _, err := io.ReadFull(h.conn, body); err != nil {
		return err
	}
	into.SetVersion(req.GetVersion())
	if into.ReadFrom(body) != nil {
		return notKafka(h.addr, body[:min(len(body), 16)])
	}
	return nil
}

// checkAccess asks for the brokers and no topic. Only a broker that accepts this
// client answers: one that wants a login closes the connection here, and with TLS 1.3
// a broker refuses our certificate here.
func (h *handshake) checkAccess() error {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	req.SetVersion(1)
	resp := kmsg.NewPtrMetadataResponse()
	if err := h.ask(req, resp); err != nil {
		return err
	}
	if len(resp.Brokers) == 0 {
		return errors.New("it knows of no broker yet")
	}
	return nil
}
