package brokers

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
)

func TestAddrsAreTrimmed(t *testing.T) {
	list := []string{" a:1", "b.example.org:9092 ", "\t[::1]:19092", "10.0.0.1:65535", "[fe80::1%eth0]:1", "büro_1.example:1"}
	c, err := New("test", list, Security{Protocol: "PLAINTEXT"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a:1", "b.example.org:9092", "[::1]:19092", "10.0.0.1:65535", "[fe80::1%eth0]:1", "büro_1.example:1"}; !slices.Equal(c.Addrs(), want) {
		t.Errorf("%q, want %q", c.Addrs(), want)
	}
}

func TestABrokerThatIsThereTwiceIsKeptOnce(t *testing.T) {
	c, err := New("test", []string{"a:1", "b:1", " a:1"}, Security{Protocol: "PLAINTEXT"}, slog.New(slog.DiscardHandler))
	if want := []string{"a:1", "b:1"}; err != nil || !slices.Equal(c.Addrs(), want) {
		t.Errorf("%q, %v; want %q", c.Addrs(), err, want)
	}
}

// An entry may be a URL with a password, and errors are logged.
func TestNoPasswordOfAnAddrIsShown(t *testing.T) {
	for _, entry := range []string{"user:hunter2@kafka:9092", "SASL_SSL://user:hunter2@kafka:9092"} {
		_, err := New("test", []string{entry}, Security{Protocol: "PLAINTEXT"}, slog.New(slog.DiscardHandler))
		if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), `entry 1, "...@kafka:9092": it has a user: write host:port alone, and set SERVEFLOW_SASL_USERNAME`) {
			t.Errorf("%s: %v", entry, err)
		}
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
		"fe80::1:9092":          "write [fe80::1]:9092, or [fe80::1:9092]:9092 if 9092 is a part of the address",
		"fe80::1:90af":          "write [fe80::1:90af]:9092",
		"::9092":                "write [::9092]:9092",
		"fe80::1%eth0":          "write [fe80::1%eth0]:9092",
		"kafka://kafka:9093":    "it has a scheme: write kafka:9093, the address of the broker's own listener",
		"http://kafka:8082/v3/": "it has a scheme: write kafka:8082, the address",
		"https://kafka":         "it has a scheme: write kafka:9092, the address",
		"ssl://kafka":           "it has a scheme: write kafka:9092, and say by SERVEFLOW_SECURITY_PROTOCOL what is spoken there (here SSL)",
		"BROKER://:9092":        "it has a scheme: write host:port, the address",
		"://":                   "it has a scheme: write host:port, the address",
		`"kafka:9092"`:          "it has quotation marks: remove them",
		"'kafka:9092'":          "it has quotation marks",
		"*:9092":                "its host has the character '*', which is in no host's name",
		"\ufeffkafka:9092":      `its host has the character '\ufeff'`,
		"${KAFKA}:9092":         "its host has the character '$'",
		"kafka:9092\u00a0a:1":   "brokers are separated by commas",
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
