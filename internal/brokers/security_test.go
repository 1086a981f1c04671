package brokers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

var quiet = slog.New(slog.DiscardHandler)

// Settings that contradict each other or cannot be used are refused; the error names
// the setting and the remedy.
func TestSecurityIsRefused(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		kafkatest.WriteFile(t, path, []byte(text))
		return path
	}
	by := kafkatest.NewAuthority(t, "authority")
	cert, key := by.Issue(t, time.Hour, "client")
	_, otherKey := by.Issue(t, time.Hour, "client")
	old, oldKey := by.Issue(t, -time.Hour, "client")
	ca, pair, keyFile := file("ca.pem", string(by.PEM)), file("client.pem", string(cert)), file("client.key", string(key))
	long := strings.Repeat("x", maxFile+1)
	login := Security{Protocol: saslSSL, Mechanism: scram512, Username: "u", Password: NewSecret("p")}
	with := func(s Security, change func(*Security)) Security { change(&s); return s }
	for name, c := range map[string]struct {
		security Security
		says     string
	}{
		"protocol":                  {Security{Protocol: "TLS"}, "SERVEFLOW_SECURITY_PROTOCOL=TLS: choose one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"},
		"CA in plaintext":           {Security{CAFile: ca}, "SERVEFLOW_TLS_CA_FILE: of no use while SERVEFLOW_SECURITY_PROTOCOL is PLAINTEXT: make that SSL or SASL_SSL"},
		"certificate in the clear":  {with(login, func(s *Security) { s.Protocol, s.CertFile, s.KeyFile = saslPlaintext, pair, keyFile }), "SERVEFLOW_TLS_CERT_FILE, SERVEFLOW_TLS_KEY_FILE: of no use while"},
		"certificate without key":   {Security{Protocol: ssl, CertFile: pair}, "without SERVEFLOW_TLS_KEY_FILE"},
		"key without certificate":   {Security{Protocol: ssl, KeyFile: keyFile}, "without SERVEFLOW_TLS_CERT_FILE"},
		"password without SASL":     {Security{Protocol: ssl, Password: NewSecret("p")}, "SERVEFLOW_SASL_PASSWORD: of no use while SERVEFLOW_SECURITY_PROTOCOL is SSL"},
		"no mechanism":              {with(login, func(s *Security) { s.Mechanism = "" }), "needs SERVEFLOW_SASL_MECHANISM"},
		"unknown mechanism":         {with(login, func(s *Security) { s.Mechanism = "GSSAPI" }), "SERVEFLOW_SASL_MECHANISM=GSSAPI: choose one of PLAIN"},
		"no user":                   {with(login, func(s *Security) { s.Username = "" }), "without SERVEFLOW_SASL_USERNAME"},
		"no password":               {with(login, func(s *Security) { s.Password = Secret{} }), "SERVEFLOW_SASL_PASSWORD_FILE"},
		"two passwords":             {with(login, func(s *Security) { s.PasswordFile = ca }), "are both set"},
		"user with NUL":             {with(login, func(s *Security) { s.Username = "u\x00v" }), "SERVEFLOW_SASL_USERNAME holds a NUL"},
		"PLAIN in clear":            {with(login, func(s *Security) { s.Protocol, s.Mechanism = saslPlaintext, plain }), "SERVEFLOW_SASL_PASSWORD_IN_CLEAR=true"},
		"no such CA":                {Security{Protocol: ssl, CAFile: dir + "/nowhere"}, "SERVEFLOW_TLS_CA_FILE=" + dir + "/nowhere: stat"},
		"CA is a folder":            {Security{Protocol: ssl, CAFile: dir}, "not a file"},
		"CA without end":            {Security{Protocol: ssl, CAFile: "/dev/zero"}, "not a file"},
		"CA too large":              {Security{Protocol: ssl, CAFile: file("long", long)}, "not a file of at most"},
		"CA is none":                {Security{Protocol: ssl, CAFile: file("none", "hello")}, "no PEM certificate in it"},
		"CA is a key":               {Security{Protocol: ssl, CAFile: keyFile}, "holds a PRIVATE KEY"},
		"CA cut short":              {Security{Protocol: ssl, CAFile: file("short", string(by.PEM)+string(by.PEM[:80]))}, "cut short behind its certificate 1"},
		"CA damaged":                {Security{Protocol: ssl, CAFile: file("hurt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")}, "certificate 1 of the file is damaged"},
		"CA expired":                {Security{Protocol: ssl, CAFile: file("old-ca", string(old))}, "expired at"},
		"certificate expired":       {Security{Protocol: ssl, CertFile: file("old", string(old)), KeyFile: file("old.key", string(oldKey))}, "the certificate of CN=client expired at"},
		"another certificate's key": {Security{Protocol: ssl, CertFile: pair, KeyFile: file("other.key", string(otherKey))}, "private key does not match"},
		"encrypted key":             {Security{Protocol: ssl, CertFile: pair, KeyFile: file("enc.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")}, "the key is encrypted"},
		"empty password file":       {with(login, func(s *Security) { s.Password, s.PasswordFile = Secret{}, file("empty", "\n") }), "one line with the password is wanted"},
		"long password file":        {with(login, func(s *Security) { s.Password, s.PasswordFile = Secret{}, file("two", "hush\nhush\n") }), "one line with the password is wanted"},
		"password with NUL":         {with(login, func(s *Security) { s.Password = NewSecret("hu\x00sh") }), "SERVEFLOW_SASL_PASSWORD: the password holds a NUL"},
		"password with a bell":      {with(login, func(s *Security) { s.Password = NewSecret("hu\ash") }), "characters that SASL does not allow"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New("test", []string{"127.0.0.1:1"}, c.security, quiet)
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "SERVEFLOW_") {
				t.Errorf("%v does not say %q", err, c.says)
			}
			if err != nil && strings.Contains(err.Error(), "hu") && strings.Contains(name, "password") {
				t.Errorf("%v tells of the secret", err)
			}
		})
	}
}

// A secret is not shown, however it is printed.
func TestSecretIsNotShown(t *testing.T) {
	const canary = "canary-7f3a"
	secret := NewSecret(canary)
	held := struct {
		Password Secret
		Nested   *Security
		Many     []Secret
		hidden   Secret
		login    *login
	}{secret, &Security{Password: secret}, []Secret{secret}, secret, &login{password: secret}}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "% x", "%T", "%10.3s"} {
		fmt.Fprintf(&out, verb+"\n", held)
		fmt.Fprintf(&out, verb+"\n", held.Password)
		fmt.Fprintf(&out, verb+"\n", *held.Nested)
		fmt.Fprintf(&out, verb+"\n", &held)
		fmt.Fprintf(&out, verb+"\n", held.login)
	}
	text, err := json.Marshal(held)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(handler).Info("held", "password", held.Password, "all", held, "nested", *held.Nested)
	}
	for _, shape := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprintf("% x", canary), "99 97 110"} {
		if strings.Contains(out.String(), shape) {
			t.Errorf("%s is shown: %s", shape, out.String())
		}
	}
	if !strings.Contains(out.String(), "[set]") || (Secret{}).String() != "" {
		t.Error("whether there is one is not shown")
	}
}

// Files that are replaced while the program runs are used from the next connection on.
// While they are damaged the last good value stays in use, and the log says so once.
func TestFilesReplacedUnderWay(t *testing.T) {
	dir := t.TempDir()
	names := []string{filepath.Join(dir, "c"), filepath.Join(dir, "k")}
	by := kafkatest.NewAuthority(t, "authority")
	put := func(i int, text []byte) { kafkatest.WriteFile(t, names[i], text) }
	cert, key := by.Issue(t, time.Hour, "first")
	put(0, cert)
	put(1, key)
	var log bytes.Buffer
	k, err := newReloadable(slog.New(slog.NewTextHandler(&log, nil)), parseClientCert, names...)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(when, subject string, said int) {
		t.Helper()
		for range 3 {
			if got := k.current().Leaf.Subject.CommonName; got != subject {
				t.Errorf("%s: %s is in use, want %s", when, got, subject)
			}
		}
		if got := strings.Count(log.String(), "\n"); got != said {
			t.Errorf("%s: %d lines, want %d:\n%s", when, got, said, &log)
		}
	}
	expect("at first", "first", 0)
	cert, key = by.Issue(t, time.Hour, "second")
	put(0, cert)
	expect("certificate without its key", "first", 1)
	put(1, key)
	expect("both", "second", 2)
	put(0, cert[:100])
	expect("half a file", "second", 3)
	if err := os.Remove(names[1]); err != nil {
		t.Fatal(err)
	}
	expect("no file", "second", 4)
	put(0, cert)
	put(1, key)
	expect("as before", "second", 4)
	old, oldKey := by.Issue(t, -time.Hour, "third")
	put(0, old)
	put(1, oldKey)
	expect("expired", "second", 5)
	if strings.Contains(log.String(), "PRIVATE KEY") {
		t.Error("a key is told")
	}
}
