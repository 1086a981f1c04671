// Package admin serves what a process tells of itself over HTTP: metrics, health, profiles.
package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// NewRegistry builds a registry with the process's own metrics in it.
func NewRegistry() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg
}

// Limits of the admin address. A request has a line and a few headers, and no body.
const (
	maxHeaderBytes = 8 << 10 // net/http adds 4 KiB
	readTimeout    = 5 * time.Second
	writeTimeout   = time.Minute // a CPU profile takes half a minute
	idleTimeout    = 2 * time.Minute
)

// Config is what a server is built with.
type Config struct {
	Addr     string // host:port
	Setting  string // the setting that has the address, for errors
	Registry *prometheus.Registry
	Pprof    bool // serve Go's profiles too
	// Ready returns why the process does not do its work; nil if it does.
	Ready func() error
	// Note gives what /readyz says besides where the process is ready, in lines; empty if there
	// is nothing to say. nil: there never is.
	Note func() string
}

// Server serves /metrics, /healthz (200 while the process runs) and /readyz (200 while it
// does its work, else 503 and the reason).
type Server struct {
	listener net.Listener
	server   *http.Server
}

// Listen listens on the address, and Run serves it. So an address that is in use is an error
// before anything starts.
func Listen(cfg Config) (*Server, error) {
	listener, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("%s=%s: %w; choose a free address, or none", cfg.Setting, cfg.Addr, err)
	}
	if err := cfg.Registry.Register(readiness(cfg.Ready)); err != nil {
		listener.Close()
		return nil, fmt.Errorf("metric of readiness: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(cfg.Registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := cfg.Ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
		if cfg.Note == nil {
			return
		}
		if note := cfg.Note(); note != "" {
			fmt.Fprintln(w, note)
		}
	})
	if cfg.Pprof {
		profiles(mux)
	}
	return &Server{listener: listener, server: &http.Server{Handler: mux, MaxHeaderBytes: maxHeaderBytes,
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout}}, nil
}

// readiness is what /readyz says, for those who only see the metrics.
func readiness(ready func() error) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "serveflow_ready", Help: "Whether the process does its work: 1 yes, 0 no; /readyz says why not."},
		func() float64 {
			if ready() != nil {
				return 0
			}
			return 1
		})
}

// profiles serves Go's profiles. The command line is left out: it is nobody's business.
func profiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index) // serves heap, goroutine and others by name
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}

// Run serves until ctx is done, then returns nil.
func (s *Server) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.server.Close() })
	defer stop()
	if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin address: %w", err)
	}
	return nil
}
