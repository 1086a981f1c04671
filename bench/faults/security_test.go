package faults

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// Members use TLS and each kind of login. They continue while certificates, authority and
// password are replaced.
func TestFaultsSecurity(t *testing.T) {
	requireBench(t)
	t.Parallel() // with the other groups: their rows mostly wait
	b := kafkatest.StartSecured(t, kafkatest.Options{})
	run(t, "Kafka security (TLS and mutual TLS and each login): certificates and authority and password replaced while running",
		"lost 0; all members label before and after, without a restart", func(t *testing.T, r *row) { testSecurity(t, r, b) })
}

// clientSettings returns a member's settings for each way to connect to a secured broker.
func clientSettings(b *kafkatest.Secured) map[string][]string {
	file := func(name string) string { return filepath.Join(b.Dir, name) }
	overTLS := []string{"SERVEFLOW_SECURITY_PROTOCOL=SSL", "SERVEFLOW_TLS_CA_FILE=" + file("ca.pem")}
	login := func(mechanism, password string) []string {
		return []string{"SERVEFLOW_BROKERS=" + b.Addrs["SECRETLOGIN"], "SERVEFLOW_SECURITY_PROTOCOL=SASL_SSL", "SERVEFLOW_TLS_CA_FILE=" + file("ca.pem"),
			"SERVEFLOW_SASL_MECHANISM=" + mechanism, "SERVEFLOW_SASL_USERNAME=" + kafkatest.User, "SERVEFLOW_SASL_PASSWORD_FILE=" + file(password)}
	}
	return map[string][]string{
		"TLS": append([]string{"SERVEFLOW_BROKERS=" + b.Addrs["TLS"]}, overTLS...),
		"mutual TLS": append([]string{"SERVEFLOW_BROKERS=" + b.Addrs["MUTUAL"], "SERVEFLOW_TLS_CERT_FILE=" + file("client.pem"),
			"SERVEFLOW_TLS_KEY_FILE=" + file("client.key")}, overTLS...),
		"PLAIN":         login("PLAIN", "plain-password"),
		"SCRAM-SHA-256": login("SCRAM-SHA-256", "password"),
		"SCRAM-SHA-512": login("SCRAM-SHA-512", "password"),
	}
}

func testSecurity(t *testing.T, r *row, b *kafkatest.Secured) {
	for _, name := range []string{"password", "plain-password"} {
		kafkatest.WriteFile(t, filepath.Join(b.Dir, name), []byte(kafkatest.Password))
	}
	h := newHarness(t, harnessConfig{brokers: []string{b.Addr}, partitions: 12,
		settings: []string{"SERVEFLOW_COMMIT_EVERY=200ms", "SERVEFLOW_SESSION_TIMEOUT=6s", "SERVEFLOW_DRAIN_TIMEOUT=3s"}})
	members := map[string]*member{}
	for name, settings := range clientSettings(b) {
		members[name] = h.start(1, settings...)[0]
	}
	h.awaitReady()
	labelled := func(m *member) float64 { return m.metric("serveflow_labels_total", `final="true"`) }
	h.send(traffic{flows: choose(3000, 60_000), rate: 400})
	for name, m := range members {
		eventually(t, time.Minute, name+" labels", func() bool { return labelled(m) > 0 })
	}
	before := map[string]float64{}
	b.Renew(t, kafkatest.NewAuthority(t, "next authority"))
	b.SetPassword(t, "another-password")
	kafkatest.WriteFile(t, filepath.Join(b.Dir, "password"), []byte("another-password"))
	b.Restart()
	for name, m := range members {
		before[name] = labelled(m)
	}
	h.settle(90 * time.Second)
	working := 0
	for name, m := range members {
		text, err := os.ReadFile(m.log)
		switch {
		case err != nil:
			t.Error(err)
		case !strings.Contains(string(text), "replaced under way"):
			t.Errorf("%s replaced nothing", name)
		case strings.Contains(string(text), "another-password") || strings.Contains(string(text), kafkatest.Password):
			t.Errorf("%s tells a password", name)
		case labelled(m) > before[name]:
			working++
		}
	}
	if working != len(members) {
		t.Errorf("%d members of %d labelled after the replacement", working, len(members))
	}
	res := h.finish()
	r.note("%d ways in, each labelled before and after", len(members))
	r.check(t, res, limits{duplicates: 1})
}
