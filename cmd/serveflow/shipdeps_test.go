package main

import (
	"strings"
	"testing"
)

// A sensor runs ship alone: it needs neither the models nor the consumer.
func TestShipNeedsNoModels(t *testing.T) {
	seen := map[string]bool{}
	var visit func(room string)
	visit = func(room string) {
		if seen[room] {
			return
		}
		seen[room] = true
		for _, to := range arrows[room] {
			visit(to)
		}
	}
	visit("ship")
	for room := range seen {
		for _, unwanted := range []string{"cascade", "consumer"} {
			if room == unwanted || strings.HasPrefix(room, unwanted+"/") {
				t.Errorf("ship needs %s", room)
			}
		}
		if room == "sink" {
			t.Errorf("ship needs %s, the label record", room)
		}
	}
}
