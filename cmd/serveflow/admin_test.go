package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// startAdmin serves an admin address, ready at once, until the test ends.
func startAdmin(t *testing.T, pprof bool) (a *admin, addr string) {
	t.Helper()
	a, err := listenAdmin(server{addr: "127.0.0.1:0", setting: "SERVEFLOW_ADMIN", reg: prometheus.NewRegistry(), pprof: pprof}, func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return a, a.listener.Addr().String()
}

// Profiles are for who asks for them; the command line is shown to nobody.
func TestProfilesOnlyWhenAskedFor(t *testing.T) {
	_, plain := startAdmin(t, false)
	_, profiled := startAdmin(t, true)
	for path, want := range map[string]int{"/debug/pprof/": 200, "/debug/pprof/goroutine?debug=1": 200, "/debug/pprof/heap": 200, "/debug/pprof/cmdline": 404} {
		if status, _ := get(profiled, path); status != want {
			t.Errorf("%s with profiles: %d, want %d", path, status, want)
		}
		if status, _ := get(plain, path); status != http.StatusNotFound {
			t.Errorf("%s without: %d", path, status)
		}
	}
}

// Nobody but this machine is let in unless a setting says so.
func TestAdminIsOnLoopback(t *testing.T) {
	t.Setenv("SERVEFLOW_TASK", "service")
	s, err := loadSettings()
	if err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{s.Admin, s.ShipAdmin, s.RekeyAdmin} {
		host, _, err := net.SplitHostPort(addr)
		if err != nil || !net.ParseIP(host).IsLoopback() {
			t.Errorf("%s is not loopback", addr)
		}
	}
	if s.Pprof {
		t.Error("profiles are served without being asked for")
	}
}

// A request with more headers than any has is refused, however it is split.
func TestLargeHeaders(t *testing.T) {
	_, addr := startAdmin(t, false)
	for name, headers := range map[string]string{
		"one":  "X-Long: " + strings.Repeat("x", 64<<10) + "\r\n",
		"many": strings.Repeat("X-Short: x\r\n", 8<<10),
		"path": "",
	} {
		path := "/healthz"
		if name == "path" {
			path += "?" + strings.Repeat("x", 64<<10)
		}
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		go fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", path, headers) // it may be cut off
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err == nil && resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: %s", name, resp.Status)
		}
		conn.Close()
	}
	if status, body := get(addr, "/healthz"); status != http.StatusOK {
		t.Errorf("then: %d %s", status, body)
	}
}

// Who sends his request a byte at a time, a body that does not come, or nothing more,
// is cut off; others are served meanwhile. Times are shortened for the test alone.
func TestSlowCallersAreCutOff(t *testing.T) {
	a, addr := startAdmin(t, false)
	if s := a.server; s.ReadTimeout != maxAsking || s.WriteTimeout != maxAnswer || s.IdleTimeout != maxIdle || s.MaxHeaderBytes != maxHeader {
		t.Errorf("limits are not set: %+v", s)
	}
	a, err := listenAdmin(server{addr: "127.0.0.1:0", setting: "SERVEFLOW_ADMIN", reg: prometheus.NewRegistry()}, func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	a.server.ReadTimeout, a.server.IdleTimeout = 200*time.Millisecond, 200*time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go a.run(ctx)
	slow := a.listener.Addr().String()
	for name, request := range map[string]string{
		"slow-loris": "GET /healthz HTTP/1.1\r\nX-A: ", "no word": "",
		"body": "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n",
		"idle": "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", slow)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		if name == "slow-loris" {
			go func() {
				for {
					if _, err := io.WriteString(conn, "a"); err != nil {
						return
					}
					time.Sleep(20 * time.Millisecond)
				}
			}()
		}
		conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		if _, err := io.Copy(io.Discard, conn); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: not cut off", name)
		}
		if status, _ := get(addr, "/healthz"); status != http.StatusOK {
			t.Errorf("%s: others are not served", name)
		}
	}
}
