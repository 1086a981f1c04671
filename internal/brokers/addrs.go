package brokers

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// parseAddrs checks a list of brokers, each host:port, and trims the spaces that people
// write behind commas. The error names the entry and how to write it.
func parseAddrs(list []string) (addrs []string, err error) {
	for i, entry := range list {
		addr := strings.TrimSpace(entry)
		if err := checkAddr(addr); err != nil {
			return nil, fmt.Errorf("SERVEFLOW_BROKERS, entry %d, %q: %w", i+1, entry, err)
		}
		addrs = append(addrs, addr)
	}
	if len(addrs) == 0 {
		return nil, errors.New("SERVEFLOW_BROKERS names no broker: set it to host:port[,host:port]")
	}
	return addrs, nil
}

func checkAddr(addr string) error {
	if addr == "" {
		return errors.New("it is empty: remove the comma too many, or name a broker, host:port")
	}
	if scheme, rest, ok := strings.Cut(addr, "://"); ok {
		return fmt.Errorf("it has a scheme: write %s, and say by SERVEFLOW_SECURITY_PROTOCOL what is spoken there (here %s)", rest, strings.ToUpper(scheme))
	}
	if strings.ContainsAny(addr, " \t\r\n;/") {
		return errors.New("brokers are separated by commas, and each is host:port")
	}
	host, port, err := net.SplitHostPort(addr)
	switch {
	case err != nil && net.ParseIP(addr) != nil && strings.Contains(addr, ":"):
		return fmt.Errorf("an IPv6 address stands in brackets, before its port: write [%s]:9092", addr)
	case err != nil && strings.Contains(err.Error(), "missing port"):
		return fmt.Errorf("it has no port: write %s:9092, or the port that the broker listens on", addr)
	case err != nil:
		return fmt.Errorf("it is not host:port: %w", err)
	case host == "":
		return fmt.Errorf("it has no host: write localhost:%s for this machine", port)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("its port is %q: write a number from 1 to 65535", port)
	}
	return nil
}
