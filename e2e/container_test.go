package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/serveflow/serveflow/internal/await"
)

// container is what the engine knows of one.
type container struct {
	ID           string `json:"Id"`
	Name         string
	RestartCount int
	State        struct {
		Status   string
		Pid      int
		ExitCode int
		Health   struct{ Status string }
	}
	Config struct {
		User   string
		Labels map[string]string
	}
	HostConfig struct {
		ReadonlyRootfs bool
		CapDrop        []string
		SecurityOpt    []string
		Memory         int64
		RestartPolicy  struct{ Name string }
		LogConfig      struct{ Config map[string]string }
	}
	Mounts          []struct{ Type, Name, Destination string }
	NetworkSettings struct {
		Ports map[string][]struct{ HostIP, HostPort string }
	}
}

func (c container) service() string { return c.Config.Labels["com.docker.compose.service"] }

// containers are those of a service, or of all services where none is named.
func (p *project) containers(service ...string) (all []container) {
	p.t.Helper()
	ids := strings.Fields(p.must(time.Minute, append([]string{"--profile", "*", "ps", "--all", "--quiet"}, service...)...))
	if len(ids) == 0 {
		return nil
	}
	text, err := docker(time.Minute, append([]string{"inspect"}, ids...)...)
	if err == nil {
		err = json.Unmarshal([]byte(text), &all)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return all
}

// one is a service's only container.
func (p *project) one(service string) container {
	p.t.Helper()
	all := p.containers(service)
	if len(all) != 1 {
		p.t.Fatalf("%s has %d containers", service, len(all))
	}
	return all[0]
}

// kill kills a service by its process: the engine takes a docker kill for an operator's
// wish, and does not start the container again.
func (p *project) kill(service string) {
	p.t.Helper()
	if err := syscall.Kill(p.one(service).State.Pid, syscall.SIGKILL); err != nil {
		p.t.Fatalf("kill %s: %v", service, err)
	}
}

// awaitHealthy waits until a service has come back by itself.
func (p *project) awaitHealthy(service string, limit time.Duration) {
	p.t.Helper()
	began := time.Now()
	defer func() { p.t.Logf("%s was healthy after %v", service, time.Since(began).Round(time.Second/10)) }()
	await.Within(p.t, limit, service+" to be healthy", func() bool {
		c := p.one(service)
		return c.State.Status == "running" && c.State.Health.Status == "healthy"
	}, func() any { return p.one(service).State })
}

// awaitReady waits until a service's only container is no longer ready, and then until it is
// again. It returns what /readyz said meanwhile, each answer once.
func (p *project) awaitReady(service string) string {
	p.t.Helper()
	var said []string
	await.Within(p.t, startLimit, service+" to be ready again", func() bool {
		published := p.one(service).NetworkSettings.Ports["9464/tcp"]
		if len(published) == 0 {
			return false // it is starting, and may get another port
		}
		resp, err := http.Get("http://" + published[0].HostIP + ":" + published[0].HostPort + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode == http.StatusOK {
			return err == nil && len(said) > 0
		}
		if !slices.Contains(said, string(text)) {
			said = append(said, string(text))
		}
		return false
	}, func() any { return said })
	return strings.Join(said, "")
}

// metrics sums a metric's series over all containers of a service, by the address that
// they publish. labels are those that a series must have.
func (p *project) metrics(service, name string, labels map[string]string) (sum float64) {
	p.t.Helper()
	for _, c := range p.containers(service) {
		for _, published := range c.NetworkSettings.Ports["9464/tcp"] {
			sum += scrape(p.t, "http://"+published.HostIP+":"+published.HostPort+"/metrics", name, labels)
		}
	}
	return sum
}

func scrape(t *testing.T, url, name string, labels map[string]string) (sum float64) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
series:
	for _, m := range families[name].GetMetric() {
		has := map[string]string{}
		for _, l := range m.GetLabel() {
			has[l.GetName()] = l.GetValue()
		}
		for label, value := range labels {
			if has[label] != value {
				continue series
			}
		}
		sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
	}
	return sum
}
