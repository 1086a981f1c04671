package admin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func testConfig(pprof bool) Config {
	return Config{Addr: "127.0.0.1:0", Setting: "SERVEFLOW_ADMIN", Registry: NewRegistry(), Pprof: pprof, Ready: func() error { return nil }}
}

// get asks for a path and gives the status and the body; 0 where nobody answers.
func get(addr, path string) (status int, body string) {
	resp, err := http.Get("http://" + addr + path)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// startAdmin serves an admin address, ready at once, until the test ends.
func startAdmin(t *testing.T, pprof bool) (s *Server, addr string) {
	t.Helper()
	s, err := Listen(testConfig(pprof))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s, s.listener.Addr().String()
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
	first, addr := startAdmin(t, false)
	if s := first.server; s.ReadTimeout != readTimeout || s.WriteTimeout != writeTimeout || s.IdleTimeout != idleTimeout || s.MaxHeaderBytes != maxHeaderBytes {
		t.Errorf("limits are not set: %+v", s)
	}
	s, err := Listen(testConfig(false))
	if err != nil {
		t.Fatal(err)
	}
	s.server.ReadTimeout, s.server.IdleTimeout = 200*time.Millisecond, 200*time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go s.Run(ctx)
	slow := s.listener.Addr().String()
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

// A process that is not at work says why; its metrics are there all the same.
func TestReadiness(t *testing.T) {
	cfg, reason := testConfig(false), errors.New("no broker answers")
	cfg.Ready = func() error { return reason }
	s, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go s.Run(ctx)
	addr := s.listener.Addr().String()
	if status, body := get(addr, "/readyz"); status != http.StatusServiceUnavailable || strings.TrimSpace(body) != reason.Error() {
		t.Errorf("not at work: %d %s", status, body)
	}
	if status, body := get(addr, "/metrics"); status != http.StatusOK || !strings.Contains(body, "go_goroutines") {
		t.Errorf("metrics: %d %.100s", status, body)
	}
	reason = nil
	if status, body := get(addr, "/readyz"); status != http.StatusOK || body != "ready\n" {
		t.Errorf("at work: %d %s", status, body)
	}
}

func TestTakenAddressIsNamed(t *testing.T) {
	_, addr := startAdmin(t, false)
	cfg := testConfig(false)
	cfg.Addr = addr
	if _, err := Listen(cfg); err == nil || !strings.Contains(err.Error(), "SERVEFLOW_ADMIN="+addr) {
		t.Errorf("%v", err)
	}
}
