package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// compose.secure.yml: with TLS and a login the labels are the same ones, and without them
// nobody is let in.
func TestSecured(t *testing.T) {
	requireEngine(t)
	secrets := t.TempDir()
	authority := kafkatest.NewAuthority(t, "e2e")
	certificate, key := authority.Issue(t, time.Hour, "kafka", "localhost", "127.0.0.1")
	for name, text := range map[string][]byte{
		"ca.pem": authority.PEM, "kafka.pem": slices.Concat(key, certificate), "kafka_password": []byte("not-a-word-of-any-list\n"),
	} {
		file := filepath.Join(secrets, name)
		if err := os.WriteFile(file, text, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, 0o644); err != nil { // whatever the umask
			t.Fatal(err)
		}
	}
	p := newProject(t, map[string]string{"SECRETS_DIR": secrets, "COMPOSE_FILE": "docker-compose.yml:compose.secure.yml"})
	p.must(startLimit, "up", "--detach", "--wait")
	want := p.replayed()
	p.replay("--speed", "4")
	out, err := p.command(t.Context(), "run", "--rm", "--no-TTY", "labels", "--from", "beginning", "--json", "--count", "582").Output()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]label{}
	for line := range strings.Lines(string(out)) {
		l := parseLabel(t, []byte(line))
		got[l["label_id"].(string)] = append(got[l["label_id"].(string)], l)
	}
	compare(t, "", got, want, false)

	refused, err := p.run(time.Minute, "run", "--rm", "--env", "SERVEFLOW_SECURITY_PROTOCOL=PLAINTEXT", "--env", "SERVEFLOW_SASL_MECHANISM=", "--env", "SERVEFLOW_SASL_USERNAME=",
		"--env", "SERVEFLOW_SASL_PASSWORD_FILE=", "--env", "SERVEFLOW_TLS_CA_FILE=", "--env", "SERVEFLOW_START_TIMEOUT=2s", "labels", "--count", "1")
	if err == nil || !strings.Contains(refused, "SERVEFLOW_SECURITY_PROTOCOL") {
		t.Errorf("without TLS: %v\n%s", err, refused)
	}
}
