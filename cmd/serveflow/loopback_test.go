package main

import (
	"net"
	"testing"
)

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
