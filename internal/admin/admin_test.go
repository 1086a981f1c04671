package admin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime/pprof"
	"strings"
	"testing"
	"time"
)

func testConfig(pprof bool) Config {
	return Config{Addr: "127.0.0.1:0", Setting: "SERVEFLOW_ADMIN", Registry: NewRegistry(), Pprof: pprof, Ready: func() error { return nil }}
}

// get requests a path and returns the status and the body; 0 and the error if there is no answer.
func get(addr, path string) (status int, body string) {
	resp, err := http.Get("http://" + addr + path)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// startAdmin serves an admin address until the test ends.
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

// Profiles are served only if the settings say so. The command line is never served.
func TestProfilesOnlyWhenAskedFor(t *testing.T) {
	_, plain := startAdmin(t, false)
	_, profiled := startAdmin(t, true)
	for path, want := range map[string]int{"/debug/pprof/": 200, "/debug/pprof/trace?seconds=0.001": 200, "/debug/pprof/goroutine?debug=1": 200, "/debug/pprof/heap": 200, "/debug/pprof/cmdline": 404} {
		if status, _ := get(profiled, path); status != want {
			t.Errorf("%s with profiles: %d, want %d", path, status, want)
		}
		if status, _ := get(plain, path); status != http.StatusNotFound {
			t.Errorf("%s without: %d", path, status)
		}
	}
}

// A request whose headers are too large is refused, whether one is large or all together.
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
	if status, body := get(addr, "/healthz"); status != http.StatusOK || body != "ok\n" {
		t.Errorf("then: %d %s", status, body)
	}
}

// A client that sends its request a byte at a time, announces a body and does not send it, or
// sends nothing more, is cut off. Others are served meanwhile. The test has shorter times.
func TestSlowCallersAreCutOff(t *testing.T) {
	first, addr := startAdmin(t, false)
	if s := first.server; s.ReadTimeout != readTimeout || s.WriteTimeout != writeTimeout || s.IdleTimeout != idleTimeout || s.MaxHeaderBytes != 8192 {
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
		"slow": "GET /healthz HTTP/1.1\r\nX-A: ", "silent": "",
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
		if name == "slow" {
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

// A process that does not do its work says why. Its metrics are served all the same.
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
		t.Errorf("not ready: %d %s", status, body)
	}
	if status, body := get(addr, "/metrics"); status != http.StatusOK || !strings.Contains(body, "go_goroutines") || !strings.Contains(body, "process_open_fds") || !strings.Contains(body, "\nserveflow_ready 0\n") {
		t.Errorf("metrics: %d %.100s", status, body)
	}
	reason = nil
	if _, body := get(addr, "/metrics"); !strings.Contains(body, "\nserveflow_ready 1\n") {
		t.Error("the metrics do not say that it is ready")
	}
	if status, body := get(addr, "/readyz"); status != http.StatusOK || body != "ready\n" {
		t.Errorf("ready: %d %s", status, body)
	}
}

// While another profile is under way a request for a CPU profile is refused, by Go's handler.
func TestCPUProfile(t *testing.T) {
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Fatal(err)
	}
	defer pprof.StopCPUProfile()
	_, addr := startAdmin(t, true)
	if status, body := get(addr, "/debug/pprof/profile"); status != http.StatusInternalServerError || !strings.Contains(body, "cpu profiling already in use") {
		t.Errorf("%d %s", status, body)
	}
}

// An address that fails while it is served ends Run with an error.
func TestRunFails(t *testing.T) {
	s, err := Listen(testConfig(false))
	if err != nil {
		t.Fatal(err)
	}
	s.listener.Close()
	if err := s.Run(t.Context()); !errors.Is(err, net.ErrClosed) || !strings.HasPrefix(err.Error(), "admin address: ") {
		t.Errorf("%v", err)
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

// What is to be said where the process is ready does not make it any less so.
func TestReadyWithANote(t *testing.T) {
	cfg := testConfig(false)
	note := ""
	cfg.Note = func() string { return note }
	s, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.listener.Close()
	for text, want := range map[string]string{"": "ready\n", "task a: refused": "ready\ntask a: refused\n"} {
		note = text
		answer := httptest.NewRecorder()
		s.server.Handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		if answer.Code != http.StatusOK || answer.Body.String() != want {
			t.Errorf("%d %q, want %q", answer.Code, answer.Body, want)
		}
	}
}
