package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/await"
)

// quiet are panels that show nothing where all is well, or of so few flows.
var quiet = map[string]bool{"Degraded": true, "Faults": true, "Drift": true, "Deferral against expected": true, "Decided by a rule, by time or by load": true}

// Each panel of the dashboard shows something of a real run, the rules hold, and no alert
// fires where all is well.
func TestObserve(t *testing.T) {
	requireEngine(t)
	capture := filepath.Join(t.TempDir(), "second.pcap")
	if err := os.WriteFile(capture, []byte(secondRecord), 0o600); err != nil {
		t.Fatal(err)
	}
	p := newProject(t, map[string]string{"COMPOSE_PROFILES": "observe,capture", "ZEEK_CAPTURE": capture})
	services := []string{"serveflow", "ship", "prometheus"}
	if os.Getenv("E2E_IMAGES") != "local" {
		services = append(services, "grafana") // nothing stands in for it
	}
	p.must(startLimit, append([]string{"up", "--detach", "--wait"}, services...)...)
	for _, args := range [][]string{{"check", "config", "/etc/prometheus/prometheus.yml"}, {"test", "rules", "/etc/prometheus/alerts_test.yml"}} {
		p.must(time.Minute, append([]string{"run", "--rm", "--no-deps", "--entrypoint", "promtool", "prometheus"}, args...)...)
	}
	p.replay()
	for _, panel := range panels(t) {
		for _, target := range panel.Targets {
			if strings.Contains(target.Expr, "serveflow_ship_records") {
				continue // no Zeek runs here
			}
			query := strings.ReplaceAll(target.Expr, "$__rate_interval", "1m")
			if quiet[panel.Title] || strings.Contains(query, "dlq") {
				p.query(query) // it must be a query
				continue
			}
			await.Within(t, time.Minute, panel.Title+": "+query, func() bool { return p.query(query) > 0 })
		}
	}
	if n := p.query(`ALERTS{alertstate="firing"}`); n != 0 {
		t.Errorf("%d alerts fire", n)
	}
	if n := p.query(`up == 1`); n != 2 {
		t.Errorf("%d targets are up, want serveflow and ship", n)
	}
}

type panel struct {
	Title   string
	Targets []struct{ Expr string }
}

// panels are those of the dashboard.
func panels(t *testing.T) []panel {
	text, err := os.ReadFile(filepath.Join("..", "observe", "grafana", "dashboards", "serveflow.json"))
	var dashboard struct{ Panels []panel }
	if err == nil {
		err = json.Unmarshal(text, &dashboard)
	}
	if err != nil || len(dashboard.Panels) == 0 {
		t.Fatalf("%d panels, %v", len(dashboard.Panels), err)
	}
	return dashboard.Panels
}

// query asks Prometheus, and returns how many series it gives.
func (p *project) query(expr string) int {
	p.t.Helper()
	resp, err := http.Get("http://127.0.0.1:" + p.env["PROMETHEUS_PORT"] + "/api/v1/query?query=" + url.QueryEscape(expr))
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct{ Result []json.RawMessage }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Status != "success" {
		p.t.Fatalf("%s: %v %s", expr, err, answer.Error)
	}
	return len(answer.Data.Result)
}
