package kafkatest

import (
	"net"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Behind returns an option that puts an in-process broker behind a proxy: the broker
// advertises the proxy's address to clients. listening is called with the address,
// host:port, on which the broker listens.
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
		return advertisedListener{l, addr}, nil
	})
}

// advertisedListener is a listener that reports another address than its own.
type advertisedListener struct {
	net.Listener
	addr net.Addr
}

func (l advertisedListener) Addr() net.Addr { return l.addr }
