package kafkatest

import (
	"net"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Behind has an in-process broker tell clients another address than its own, a
// proxy's; listening is told where it really listens.
func Behind(advertised string, listening func(addr string)) kfake.Opt {
	return kfake.ListenFn(func(network, address string) (net.Listener, error) {
		l, err := net.Listen(network, address)
		if err != nil {
			return nil, err
		}
		addr, err := net.ResolveTCPAddr("tcp", advertised)
		if err != nil {
			return nil, err
		}
		listening(l.Addr().String())
		return elsewhere{l, addr}, nil
	})
}

// elsewhere is a listener that says that it is at another address.
type elsewhere struct {
	net.Listener
	addr net.Addr
}

func (l elsewhere) Addr() net.Addr { return l.addr }
