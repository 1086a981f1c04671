package cascade

import (
	"strings"
	"testing"
)

func TestConfigIsValidated(t *testing.T) {
	good := Config{Queue: 1, Workers: 1, Batch: 1, Wait: 1, Objective: 1, Timeout: 1}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		change func(*Config)
		want   string
	}{
		{func(c *Config) { c.Queue = 0 }, "queue is 0 flows: choose at least 1"},
		{func(c *Config) { c.Workers = 0 }, "needs at least one worker"},
		{func(c *Config) { c.Batch = 0 }, "batch is 0 flows: choose at least 1"},
		{func(c *Config) { c.Wait = 0 }, "flows may wait 0s for the slow stage: choose a time above 0 (SERVEFLOW_SLOW_WAIT)"},
		{func(c *Config) { c.Objective = 0 }, "the wait for the slow stage is to be within 0s: choose a time above 0 (SERVEFLOW_LATENCY_OBJECTIVE)"},
		{func(c *Config) { c.Timeout = 0 }, "a batch of the slow stage may take 0s: choose a time above 0 (SERVEFLOW_SLOW_TIMEOUT)"},
	} {
		bad := good
		c.change(&bad)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "cascade: ") {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}
