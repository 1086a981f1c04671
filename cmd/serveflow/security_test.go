package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// entry is a way into a secured broker, and topics of its own there.
type entry struct {
	name, admin string
	settings    []string
	member      *member
}

func (e *entry) input() string  { return "in." + e.name }
func (e *entry) output() string { return "out." + e.name }

// newEntry makes the topics, and the settings for them and a listener.
func newEntry(t *testing.T, b *kafkatest.Secured, name, listener string, settings ...string) *entry {
	t.Helper()
	e := &entry{name: name, admin: freeAddress(t)}
	for _, topic := range []string{e.input(), e.output(), e.input() + ".dlq"} {
		kafkatest.CreateTopic(t, b.Addr, topic, 1, nil)
	}
	e.settings = append(settings, "SERVEFLOW_BROKERS="+b.Addrs[listener], "SERVEFLOW_ADMIN="+e.admin, "SERVEFLOW_BUNDLE="+toy, "SERVEFLOW_GROUP="+name,
		"SERVEFLOW_TOPIC="+e.input(), "SERVEFLOW_LABEL_TOPIC="+e.output(), "SERVEFLOW_COMMIT_EVERY=50ms", "SERVEFLOW_SESSION_TIMEOUT=6s", "SERVEFLOW_DRAIN_TIMEOUT=3s", "SERVEFLOW_START_TIMEOUT=60s")
	return e
}

// send writes the two flows under other uids, with the way's own settings.
func (e *entry) send(t *testing.T, exe, suffix string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "flows.jsonl")
	kafkatest.WriteFile(t, file, []byte(strings.NewReplacer(`"Ca"`, `"Ca`+suffix+`"`, `"Cb"`, `"Cb`+suffix+`"`).Replace(twoFlows)))
	sender := start(t, exe, e.settings, "send", "--speed", "0", file)
	if err := sender.Wait(); err != nil {
		t.Errorf("%s: send: %v\n%s", e.name, err, sender.log)
	}
}

// awaitLabels waits until so many flows are labelled.
func (e *entry) awaitLabels(t *testing.T, b *kafkatest.Secured, flows int) {
	t.Helper()
	await.Within(t, time.Minute, fmt.Sprintf("%s: labels of %d flows", e.name, flows), func() bool {
		uids := map[string]bool{}
		for _, m := range kafkatest.ReadAll(t, b.Addr, e.output()) {
			uids[string(m.Key)] = true
		}
		return len(uids) == flows
	})
}

func tlsSettingsIn(dir string, own bool) []string {
	settings := []string{"SERVEFLOW_SECURITY_PROTOCOL=SSL", "SERVEFLOW_TLS_CA_FILE=" + filepath.Join(dir, "ca.pem")}
	if own {
		settings = append(settings, "SERVEFLOW_TLS_CERT_FILE="+filepath.Join(dir, "client.pem"), "SERVEFLOW_TLS_KEY_FILE="+filepath.Join(dir, "client.key"))
	}
	return settings
}

func saslSettingsIn(dir, mechanism string, secret bool) []string {
	settings := []string{"SERVEFLOW_SASL_MECHANISM=" + mechanism, "SERVEFLOW_SASL_USERNAME=" + kafkatest.User,
		"SERVEFLOW_SASL_PASSWORD_FILE=" + filepath.Join(dir, "password"), "SERVEFLOW_SASL_PASSWORD_IN_CLEAR=true"}
	if secret {
		return append(settings, "SERVEFLOW_SECURITY_PROTOCOL=SASL_SSL", "SERVEFLOW_TLS_CA_FILE="+filepath.Join(dir, "ca.pem"))
	}
	return append(settings, "SERVEFLOW_SECURITY_PROTOCOL=SASL_PLAINTEXT")
}

// Records go in and labels come out over each protocol and mechanism of a real
// broker, and go on when certificates, authority and password are replaced.
func TestSecuredKafka(t *testing.T) {
	onnxtest.Library(t)
	b := kafkatest.StartSecured(t, kafkatest.Options{})
	exe := binary(t)
	kafkatest.WriteFile(t, filepath.Join(b.Dir, "password"), []byte(kafkatest.Password+"\n"))
	t.Run("each way in", func(t *testing.T) { testEachWay(t, b, exe) })
	t.Run("other commands", func(t *testing.T) { testOtherCommands(t, b, exe) })
	t.Run("who is not let in", func(t *testing.T) { testWhoIsNotLetIn(t, b, exe) })
	t.Run("no secret is told", func(t *testing.T) { testNoSecretIsTold(t, b, exe) })
}

// testEachWay labels over all of them, and rotates under two.
func testEachWay(t *testing.T, b *kafkatest.Secured, exe string) {
	entries := []*entry{
		newEntry(t, b, "tls", "TLS", tlsSettingsIn(b.Dir, false)...),
		newEntry(t, b, "mutual", "MUTUAL", tlsSettingsIn(b.Dir, true)...),
	}
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		entries = append(entries, newEntry(t, b, "clear-"+mechanism, "LOGIN", saslSettingsIn(b.Dir, mechanism, false)...),
			newEntry(t, b, "secret-"+mechanism, "SECRETLOGIN", saslSettingsIn(b.Dir, mechanism, true)...))
	}
	for _, e := range entries {
		e.member = start(t, exe, e.settings, "run")
	}
	for _, e := range entries {
		e.send(t, exe, "1")
		e.awaitLabels(t, b, 2)
		if e.name != "mutual" && e.name != "secret-SCRAM-SHA-512" {
			stop(t, e.member)
		}
	}
	testRotation(t, b, exe, entries[1], entries[len(entries)-1])
}

// testRotation replaces what two running members show and trust: first by half a
// file, which must do no harm, then by all that is new.
func testRotation(t *testing.T, b *kafkatest.Secured, exe string, mutual, scram *entry) {
	own := filepath.Join(b.Dir, "client.pem")
	whole, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	kafkatest.WriteFile(t, own, whole[:len(whole)/2])
	b.Restart()
	await.Until(t, "the damaged certificate is spoken of", func() bool { return strings.Contains(mutual.member.log.String(), "the last good one stays in use") })
	await.Within(t, time.Minute, "ready again", func() bool { status, _ := get(mutual.admin, "/readyz"); return status == http.StatusOK })

	b.Renew(t, kafkatest.NewAuthority(t, "next authority"))
	b.SetPassword(t, "another-password")
	kafkatest.WriteFile(t, filepath.Join(b.Dir, "password"), []byte("another-password"))
	b.Restart()
	for _, e := range []*entry{mutual, scram} {
		e.send(t, exe, "2")
		e.awaitLabels(t, b, 4)
		stop(t, e.member)
		if !strings.Contains(e.member.log.String(), "replaced under way") {
			t.Errorf("%s: nothing was replaced:\n%s", e.name, e.member.log)
		}
		if log := e.member.log.String(); strings.Contains(log, "another-password") || strings.Contains(log, kafkatest.Password) || strings.Contains(log, "PRIVATE KEY") {
			t.Errorf("%s: the log tells a secret", e.name)
		}
	}
}

// testOtherCommands has ship, rekey and doctor do their work behind TLS and a login.
func testOtherCommands(t *testing.T, b *kafkatest.Secured, exe string) {
	e := newEntry(t, b, "others", "SECRETLOGIN", saslSettingsIn(b.Dir, "SCRAM-SHA-256", true)...)
	kafkatest.CreateTopic(t, b.Addr, e.input()+".by-uid", 1, nil)
	dir := t.TempDir()
	log := filepath.Join(dir, "serveflow.log")
	kafkatest.WriteFile(t, log, []byte(twoFlows))
	settings := append(e.settings, "SERVEFLOW_SHIP_STATE="+filepath.Join(dir, "ship.json"), "SERVEFLOW_SHIP_ADMIN=", "SERVEFLOW_REKEY_ADMIN=")
	shipper, rekeyer := start(t, exe, settings, "ship", log), start(t, exe, settings, "rekey", e.input())
	await.Until(t, "records shipped and rekeyed", func() bool { return len(kafkatest.ReadAll(t, b.Addr, e.input()+".by-uid")) == 2 })
	stop(t, shipper)
	stop(t, rekeyer)
	look := start(t, exe, settings, "doctor")
	look.Wait()
	if said := look.log.String(); !strings.Contains(said, "looked at 1 listener") || !strings.Contains(said, "2 records") || look.ProcessState.ExitCode() == exitUsage {
		t.Errorf("doctor: exit code %d:\n%s", look.ProcessState.ExitCode(), said)
	}
}

// testWhoIsNotLetIn: what each wrong setting is called by a running command: at /readyz while it tries,
// in the end on standard error, with exit code 1.
func testWhoIsNotLetIn(t *testing.T, b *kafkatest.Secured, exe string) {
	kafkatest.WriteFile(t, filepath.Join(b.Dir, "password"), []byte("canary-wrong-password"))
	kafkatest.WriteFile(t, filepath.Join(b.Dir, "other.pem"), kafkatest.NewAuthority(t, "other").PEM)
	for name, c := range map[string]struct {
		listener string
		settings []string
		says     []string
	}{
		"password":  {"SECRETLOGIN", saslSettingsIn(b.Dir, "SCRAM-SHA-512", true), []string{"refuses the login", "SERVEFLOW_SASL_PASSWORD_FILE"}},
		"authority": {"TLS", []string{"SERVEFLOW_SECURITY_PROTOCOL=SSL", "SERVEFLOW_TLS_CA_FILE=" + filepath.Join(b.Dir, "other.pem")}, []string{"signed by nobody whom we trust", "SERVEFLOW_TLS_CA_FILE"}},
		"plaintext": {"TLS", nil, []string{"it speaks TLS", "SERVEFLOW_SECURITY_PROTOCOL to SSL"}},
		"mutual":    {"MUTUAL", tlsSettingsIn(b.Dir, false), []string{"refuses our certificate, or wants one", "SERVEFLOW_TLS_CERT_FILE"}},
	} {
		admin := freeAddress(t)
		m := start(t, exe, append(c.settings, "SERVEFLOW_BROKERS="+b.Addrs[c.listener], "SERVEFLOW_ADMIN="+admin, "SERVEFLOW_BUNDLE="+toy, "SERVEFLOW_START_TIMEOUT=4s"), "run")
		await.Until(t, name+": not ready, and why", func() bool {
			status, said := get(admin, "/readyz")
			return status == http.StatusServiceUnavailable && strings.Contains(said, c.says[0]) && strings.Contains(said, c.says[1])
		})
		err, failed := m.Wait().(*exec.ExitError)
		if !failed || err.ExitCode() != exitFail || !strings.Contains(m.log.String(), c.says[0]) || !strings.Contains(m.log.String(), c.says[1]) {
			t.Errorf("%s: %v:\n%s", name, err, m.log)
		}
		if strings.Contains(m.log.String(), "canary") {
			t.Errorf("%s: a secret is told:\n%s", name, m.log)
		}
	}
}

// testNoSecretIsTold: whatever a process says, in good days, in bad ones and when it dies, it says
// nothing of a password or a key.
func testNoSecretIsTold(t *testing.T, b *kafkatest.Secured, exe string) {
	const canary = "canary-4d1c9e"
	b.SetPassword(t, canary)
	e := newEntry(t, b, "canary", "SECRETLOGIN", "SERVEFLOW_SECURITY_PROTOCOL=SASL_SSL", "SERVEFLOW_TLS_CA_FILE="+filepath.Join(b.Dir, "ca.pem"),
		"SERVEFLOW_TLS_CERT_FILE="+filepath.Join(b.Dir, "client.pem"), "SERVEFLOW_TLS_KEY_FILE="+filepath.Join(b.Dir, "client.key"),
		"SERVEFLOW_SASL_MECHANISM=SCRAM-SHA-512", "SERVEFLOW_SASL_USERNAME="+kafkatest.User, "SERVEFLOW_SASL_PASSWORD="+canary,
		"SERVEFLOW_LOG_LEVEL=debug", "SERVEFLOW_PPROF=true", "SERVEFLOW_SHIP_ADMIN=", "SERVEFLOW_SHIP_STATE="+filepath.Join(t.TempDir(), "ship.json"), "GOTRACEBACK=all")
	key, err := os.ReadFile(filepath.Join(b.Dir, "client.key"))
	if err != nil {
		t.Fatal(err)
	}
	secrets := append([]string{canary, fmt.Sprintf("%x", canary)}, strings.Split(strings.TrimSpace(string(key)), "\n")...)
	said := map[string]string{}
	m := start(t, exe, e.settings, "run")
	bad := filepath.Join(t.TempDir(), "bad.log")
	kafkatest.WriteFile(t, bad, []byte("not a record\n"))
	e.send(t, exe, "1")
	e.awaitLabels(t, b, 2)
	shipper := start(t, exe, e.settings, "ship", bad)
	await.Until(t, "a dead letter", func() bool { return len(kafkatest.ReadAll(t, b.Addr, e.input()+".dlq")) == 1 })
	stop(t, shipper)
	for _, path := range []string{"/metrics", "/readyz", "/debug/pprof/", "/debug/pprof/goroutine?debug=2", "/debug/pprof/heap?debug=1", "/debug/pprof/cmdline"} {
		_, said[path] = get(e.admin, path)
	}
	for _, args := range [][]string{{"config"}, {"doctor"}, {"doctor", "--json"}, {"version"}, {"health"}, {"run", "--check"}, {"run", "stray"}} {
		c := start(t, exe, e.settings, args...)
		c.Wait()
		said[strings.Join(args, " ")] = c.log.String()
	}
	wrong := start(t, exe, append(e.settings, "SERVEFLOW_SASL_PASSWORD="+canary+"-wrong", "SERVEFLOW_ADMIN=", "SERVEFLOW_START_TIMEOUT=1s"), "run")
	wrong.Wait()
	contrary := start(t, exe, append(e.settings, "SERVEFLOW_SECURITY_PROTOCOL=PLAINTEXT"), "run")
	contrary.Wait()
	if err := m.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	m.Wait()
	said["wrong password"], said["contradiction"], said["SIGQUIT"], said["ship"] = wrong.log.String(), contrary.log.String(), m.log.String(), shipper.log.String()
	for _, topic := range []string{e.output(), e.input() + ".dlq"} {
		for _, letter := range kafkatest.ReadAll(t, b.Addr, topic) {
			said[topic] += fmt.Sprintf("%s %v %s\n", letter.Key, letter.Headers, letter.Value)
		}
	}
	for what, words := range map[string]string{"SIGQUIT": "goroutine ", "wrong password": "refuses the login", "/metrics": "serveflow_", "contradiction": "of no use while"} {
		if !strings.Contains(said[what], words) {
			t.Errorf("%s does not say %q:\n%s", what, words, said[what])
		}
	}
	for what, text := range said {
		if len(text) == 0 {
			t.Errorf("%s: nothing said", what)
		}
		for _, secret := range secrets {
			if !strings.HasPrefix(secret, "-----") && strings.Contains(text, secret) {
				t.Errorf("%s tells a secret", what)
			}
		}
	}
}

// The settings themselves can be printed, also by a panic.
func TestSettingsDoNotTellSecrets(t *testing.T) {
	const canary = "canary-settings"
	t.Setenv("SERVEFLOW_SASL_PASSWORD", canary)
	s, err := loadSettings()
	if err != nil {
		t.Fatal(err)
	}
	if s.SASL.Password.Reveal() != canary {
		t.Fatal("the password was not read")
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		for _, what := range []any{s, *s, s.TLS, s.SASL, &s.SASL, s.SASL.Password} {
			if text := fmt.Sprintf(verb, what); strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
				t.Errorf("%s of %T: %s", verb, what, text)
			}
		}
	}
}
