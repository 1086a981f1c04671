package main

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

// newRegistry builds a registry with the process's own metrics in it.
func newRegistry() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg
}

// Limits of the admin address. A request has a line and a few headers, and no body.
const (
	maxHeader = 8 << 10 // bytes; the library adds 4 KiB
	maxAsking = 5 * time.Second
	maxAnswer = time.Minute // a profile takes half of it
	maxIdle   = 2 * time.Minute
)

// admin serves /metrics, /healthz (the process is up) and /readyz (it is at
// work; else why not, in words).
type admin struct {
	listener net.Listener
	server   *http.Server
}

// listenAdmin takes the address, so that a taken one is a fault before anything starts.
func listenAdmin(at server, ready func() error) (*admin, error) {
	listener, err := net.Listen("tcp", at.addr)
	if err != nil {
		return nil, fmt.Errorf("%s=%s: %w; choose a free address, or none", at.setting, at.addr, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(at.reg, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	if at.pprof {
		profiles(mux)
	}
	return &admin{listener, &http.Server{Handler: mux, MaxHeaderBytes: maxHeader,
		ReadTimeout: maxAsking, WriteTimeout: maxAnswer, IdleTimeout: maxIdle}}, nil
}

// profiles are Go's own, for who looks for lost time or memory.
func profiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index) // it finds heap, goroutine and the others by name
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
}

// run serves until ctx is done.
func (a *admin) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { a.server.Close() })
	defer stop()
	if err := a.server.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin address: %w", err)
	}
	return nil
}
