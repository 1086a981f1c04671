package brokers

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// usualPort is Kafka's, for advice on an address without a port.
const usualPort = "9092"

// parseAddrs checks a list of brokers, each host:port, and trims the spaces that people
// write behind commas. A broker that is there twice is kept once. The error names the entry
// and how to write it.
func parseAddrs(list []string) (addrs []string, err error) {
	for i, entry := range list {
		addr := strings.TrimSpace(entry)
		if err := checkAddr(addr); err != nil {
			return nil, fmt.Errorf("SERVEFLOW_BROKERS, entry %d, %q: %w", i+1, withoutLogin(entry), err)
		}
		if !slices.Contains(addrs, addr) {
			addrs = append(addrs, addr)
		}
	}
	if len(addrs) == 0 {
		return nil, errors.New("SERVEFLOW_BROKERS names no broker: set it to host:port[,host:port]")
	}
	return addrs, nil
}

func checkAddr(addr string) error {
	switch {
	case addr == "":
		return errors.New("it is empty: remove the comma too many, or name a broker, host:port")
	case strings.ContainsAny(addr, "\"'`"):
		return errors.New("it has quotation marks: remove them, they belong to the shell or to another file's format")
	case strings.Contains(addr, "@"):
		return errors.New("it has a user: write host:port alone, and set SERVEFLOW_SASL_USERNAME and SERVEFLOW_SASL_PASSWORD_FILE")
	}
	if scheme, rest, ok := strings.Cut(addr, "://"); ok {
		return schemeError(scheme, rest)
	}
	if strings.ContainsAny(addr, ";/") || strings.ContainsFunc(addr, unicode.IsSpace) {
		return errors.New("brokers are separated by commas, and each is host:port")
	}
	host, port, err := net.SplitHostPort(addr)
	if ip, noIP := netip.ParseAddr(addr); err != nil && noIP == nil && ip.Is6() {
		return bareIPv6Error(addr)
	}
	switch {
	case err != nil && strings.Contains(err.Error(), "missing port"):
		return fmt.Errorf("it has no port: write %s:%s, or the port that the broker listens on", addr, usualPort)
	case err != nil:
		return fmt.Errorf("it is not host:port: %w", err)
	case host == "":
		return fmt.Errorf("it has no host: write localhost:%s for this machine", port)
	}
	if at := strings.IndexFunc(host, oddInHost); at >= 0 {
		return fmt.Errorf("its host has the character %q, which is in no host's name: write the name or the address of a broker", []rune(host[at:])[0])
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("its port is %q: write a number from 1 to 65535", port)
	}
	return nil
}

// schemeError says how to write an entry that looks like a URL.
func schemeError(scheme, rest string) error {
	rest, _, _ = strings.Cut(rest, "/")
	host, port, err := net.SplitHostPort(rest)
	switch {
	case err != nil && strings.Contains(err.Error(), "missing port") && rest != "":
		rest += ":" + usualPort
	case err != nil || host == "" || port == "":
		rest = "host:port"
	}
	protocol := strings.ToUpper(scheme)
	if !slices.Contains([]string{plaintext, ssl, saslPlaintext, saslSSL}, protocol) {
		return fmt.Errorf("it has a scheme: write %s, the address of the broker's own listener", rest)
	}
	return fmt.Errorf("it has a scheme: write %s, and say by SERVEFLOW_SECURITY_PROTOCOL what is spoken there (here %s)", rest, protocol)
}

// bareIPv6Error says how to write an IPv6 address without brackets. Its last group may be
// meant as the port.
func bareIPv6Error(addr string) error {
	const brackets = "an IPv6 address stands in brackets, before its port: write "
	whole := fmt.Sprintf("[%s]:%s", addr, usualPort)
	colon := strings.LastIndexByte(addr, ':')
	host, port := addr[:colon], addr[colon+1:]
	if _, err := netip.ParseAddr(host); err == nil && len(port) == len(usualPort) && strings.Trim(port, "0123456789") == "" {
		return fmt.Errorf(brackets+"[%s]:%s, or %s if %s is a part of the address", host, port, whole, port)
	}
	return errors.New(brackets + whole)
}

// oddInHost reports whether a character is in no host's name, nor in an IP address.
func oddInHost(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.:%", r)
}

// withoutLogin gives an entry without the user and password that a URL may have, because
// errors are logged.
func withoutLogin(entry string) string {
	if at := strings.LastIndexByte(entry, '@'); at >= 0 {
		return "..." + entry[at:]
	}
	return entry
}
