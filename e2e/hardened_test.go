package e2e

import (
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"
)

// Every container may do only what it needs, and has bounds.
func hardened(t *testing.T, p *project, _ map[string]label) {
	users := map[string]string{"serveflow": "65532:65532", "check": "65532:65532", "kafka": "appuser", "topics": "appuser"}
	once := []string{"check", "topics"}
	seen := map[string]bool{}
	for _, c := range p.containers() {
		service := c.service()
		seen[service] = true
		host := c.HostConfig
		restarts := "unless-stopped"
		if slices.Contains(once, service) {
			restarts = "no"
		}
		switch {
		case c.Config.User != users[service]:
			t.Errorf("%s runs as %q, want %q", service, c.Config.User, users[service])
		case !host.ReadonlyRootfs || !slices.Equal(host.CapDrop, []string{"ALL"}) || !slices.Contains(host.SecurityOpt, "no-new-privileges:true"):
			t.Errorf("%s: read-only %v, dropped %q, %q", service, host.ReadonlyRootfs, host.CapDrop, host.SecurityOpt)
		case host.Memory == 0:
			t.Errorf("%s has no memory limit", service)
		case host.LogConfig.Config["max-size"] == "" || host.LogConfig.Config["max-file"] == "":
			t.Errorf("%s: its log has no bound: %q", service, host.LogConfig.Config)
		case host.RestartPolicy.Name != restarts:
			t.Errorf("%s restarts %q, want %q", service, host.RestartPolicy.Name, restarts)
		}
		for port, published := range c.NetworkSettings.Ports {
			for _, at := range published {
				if at.HostIP != "127.0.0.1" {
					t.Errorf("%s publishes %s at %s", service, port, at.HostIP)
				}
			}
		}
		for _, m := range c.Mounts {
			if m.Type == "volume" && len(m.Name) == 64 {
				t.Errorf("%s has a volume without a name at %s", service, m.Destination)
			}
		}
	}
	for service := range users {
		if !seen[service] {
			t.Errorf("%s has no container", service)
		}
	}
}

// The image is small, names its commit, and has the system's authorities.
func image(t *testing.T, p *project, _ map[string]label) {
	size, err := docker(time.Minute, "image", "inspect", "--format", "{{.Size}}", "serveflow:dev")
	if bytes, _ := strconv.Atoi(size); err != nil || bytes == 0 || bytes > 150e6 {
		t.Errorf("the image has %s bytes, want at most 150 MB; %v", size, err)
	}
	version, err := docker(time.Minute, "run", "--rm", "serveflow:dev", "version")
	if err != nil || !regexp.MustCompile(`commit [0-9a-f]{40}`).MatchString(version) {
		t.Errorf("version says %q, %v", version, err)
	}
	authorities, err := docker(time.Minute, "run", "--rm", "--entrypoint", "grep", "serveflow:dev", "-c", "BEGIN CERTIFICATE", "/etc/ssl/certs/ca-certificates.crt")
	if n, _ := strconv.Atoi(authorities); err != nil || n < 50 {
		t.Errorf("%s authorities, %v", authorities, err)
	}
}
