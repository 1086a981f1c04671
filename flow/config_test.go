package flow

import (
	"strings"
	"testing"
	"time"
)

// Each setting must be accepted up to its bound and refused beyond it.
func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(*Config)
		want string // in the error; empty if the setting is valid
	}{
		{"as the tests have it", func(*Config) {}, ""},
		{"depth 0", func(c *Config) { c.Rules.Depth = 0 }, "depth is 0"},
		{"depth 1", func(c *Config) { c.Rules.Depth, c.Want = 1, 1 }, ""},
		{"depth 64", func(c *Config) { c.Rules.Depth = 64 }, ""},
		{"depth 65", func(c *Config) { c.Rules.Depth = 65 }, "depth is 65"},
		{"want 0", func(c *Config) { c.Want = 0 }, "wants 0 packets of 4"},
		{"want 1", func(c *Config) { c.Want = 1 }, ""},
		{"want more than the depth", func(c *Config) { c.Want = 5 }, "wants 5 packets of 4"},
		{"idle 0", func(c *Config) { c.Rules.Idle = 0 }, "idle timeout"},
		{"idle 1 ns", func(c *Config) { c.Rules.Idle = 1 }, ""},
		{"idle as long as the maximum age", func(c *Config) { c.Rules.Idle = c.Rules.MaxAge }, ""},
		{"idle above the maximum age", func(c *Config) { c.Rules.Idle = c.Rules.MaxAge + 1 }, "idle timeout"},
		{"lateness 0", func(c *Config) { c.Rules.Lateness = 0 }, ""},
		{"lateness below 0", func(c *Config) { c.Rules.Lateness = -1 }, "lateness"},
		{"remember 0", func(c *Config) { c.Remember = 0 }, ""},
		{"remember below 0", func(c *Config) { c.Remember = -time.Second }, "remember"},
		{"records 0", func(c *Config) { c.Limits.Records = 0 }, ""},
		{"records below 0", func(c *Config) { c.Limits.Records = -1 }, "records"},
		{"flows 0", func(c *Config) { c.Limits.Flows = 0 }, "limits"},
		{"flows 1", func(c *Config) { c.Limits.Flows = 1 }, ""},
		{"bytes 1023", func(c *Config) { c.Limits.Bytes = 1023 }, "limits"},
		{"bytes 1024", func(c *Config) { c.Limits.Bytes = 1024 }, ""},
		{"finished 0", func(c *Config) { c.Limits.Finished = 0 }, "limits"},
		{"finished 1", func(c *Config) { c.Limits.Finished = 1 }, ""},
	} {
		cfg := testConfig()
		tt.set(&cfg)
		err := cfg.Validate()
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestNamesOfCauses(t *testing.T) {
	for c, want := range map[Cause]string{Reached: "reached", Ended: "flow_end", TimedOut: "timeout", Evicted: "evicted"} {
		if got := c.String(); got != want {
			t.Errorf("cause %d is called %s, want %s", c, got, want)
		}
	}
}
