package brokers

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
)

func TestAddrsAreTrimmed(t *testing.T) {
	list := []string{" a:1", "b.example.org:9092 ", "\t[::1]:19092", "10.0.0.1:65535"}
	c, err := New("test", list, Security{Protocol: "PLAINTEXT"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a:1", "b.example.org:9092", "[::1]:19092", "10.0.0.1:65535"}; !slices.Equal(c.Addrs(), want) {
		t.Errorf("%q, want %q", c.Addrs(), want)
	}
}

func TestBadAddrsAreNamed(t *testing.T) {
	for entry, want := range map[string]string{
		"":                      "it is empty: remove the comma too many",
		"  ":                    "it is empty",
		"SASL_SSL://kafka:9093": "it has a scheme: write kafka:9093, and say by SERVEFLOW_SECURITY_PROTOCOL what is spoken there (here SASL_SSL)",
		"kafka":                 "it has no port: write kafka:9092",
		"10.0.0.1":              "it has no port: write 10.0.0.1:9092",
		"[::1]":                 "it has no port: write [::1]:9092",
		"::1":                   "write [::1]:9092",
		"fe80::1:9092":          "write [fe80::1:9092]:9092",
		":9092":                 "it has no host: write localhost:9092",
		"kafka:":                `its port is ""`,
		"kafka:http":            `its port is "http"`,
		"kafka:0":               `its port is "0"`,
		"kafka:65536":           `its port is "65536"`,
		"a:1 b:2":               "separated by commas",
		"a:1;b:2":               "separated by commas",
		"kafka:9092/path":       "each is host:port",
		"a:b:9092":              "it is not host:port",
	} {
		_, err := New("test", []string{"good:9092", entry}, Security{Protocol: "PLAINTEXT"}, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "SERVEFLOW_BROKERS, entry 2, ") {
			t.Errorf("%q: %v, want %s", entry, err, want)
		}
	}
	if _, err := New("test", nil, Security{Protocol: "PLAINTEXT"}, nil); err == nil || !strings.Contains(err.Error(), "names no broker") {
		t.Errorf("no entry: %v", err)
	}
}
