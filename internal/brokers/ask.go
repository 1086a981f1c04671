package brokers

import (
	"encoding/binary"
	"errors"
	"io"
	"net"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// maxAnswer is the longest answer that is believed of somebody who has not proved to
// be a broker, in bytes. kafka-go believes any: the banner of an SSH server has it
// ask for 60 GB, which ends the process.
const maxAnswer = 1 << 20

// asking is a connection over which the first questions are put.
type asking struct {
	net.Conn
	addr   string
	tls    bool
	format *kmsg.RequestFormatter
	asked  int32
}

// ask puts a question, in a version before the flexible ones, and reads its answer.
func (a *asking) ask(req kmsg.Request, into kmsg.Response) error {
	a.asked++
	if _, err := a.Write(a.format.AppendRequest(nil, req, a.asked)); err != nil {
		return err
	}
	var head [8]byte // size, and which question it answers
	n, err := io.ReadFull(a, head[:])
	size, id := binary.BigEndian.Uint32(head[:4]), int32(binary.BigEndian.Uint32(head[4:]))
	switch {
	case !a.tls && n >= 2 && head[0] == 0x15 && head[1] == 0x03:
		return wantsTLS(a.addr, head[:n])
	case n > 0 && (err != nil || size < 4 || size > maxAnswer || id != a.asked):
		return notKafka(a.addr, head[:n])
	case err != nil:
		return err
	}
	body := make([]byte, size-4)
	if _, err := io.ReadFull(a, body); err != nil {
		return err
	}
	into.SetVersion(req.GetVersion())
	if into.ReadFrom(body) != nil {
		return notKafka(a.addr, body[:min(len(body), 16)])
	}
	return nil
}

// greet asks for the brokers and no topic. Only a broker that lets us in answers:
// one that wants a login closes here, and TLS 1.3 refuses our certificate here.
func (a *asking) greet() error {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	req.SetVersion(1)
	resp := kmsg.NewPtrMetadataResponse()
	if err := a.ask(req, resp); err != nil {
		return err
	}
	if len(resp.Brokers) == 0 {
		return errors.New("it knows of no broker yet")
	}
	return nil
}
