package main

import (
	"strings"
	"testing"
)

func TestContradictionsOfMemoryAreNamed(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want []string
	}{
		{map[string]string{"SERVEFLOW_MAX_MEMORY": "256MiB"}, []string{"SERVEFLOW_MAX_MEMORY=256MiB", "SERVEFLOW_SINK_QUEUE=8192", "SERVEFLOW_SLOW_QUEUE=4096", "choose at least"}},
		{map[string]string{"SERVEFLOW_SINK_QUEUE": "1000000"}, []string{"SERVEFLOW_SINK_QUEUE=1000000", "shorter queues"}},
		{map[string]string{"SERVEFLOW_MAX_FLOW_BYTES": "2GiB"}, []string{"SERVEFLOW_MAX_FLOW_BYTES=2GiB", "SERVEFLOW_MAX_FINISHED=", "SERVEFLOW_MAX_MEMORY=1GiB"}},
		{map[string]string{"SERVEFLOW_MAX_FINISHED": "100000000"}, []string{"SERVEFLOW_MAX_FINISHED=100000000", "at least"}},
		{map[string]string{"SERVEFLOW_MAX_MEMORY": "much"}, []string{"SERVEFLOW_MAX_MEMORY"}},
		{map[string]string{"SERVEFLOW_MAX_PIN_RECORDS": "0"}, []string{"SERVEFLOW_MAX_PIN_RECORDS"}},
	} {
		c.env["SERVEFLOW_BUNDLE"] = toy
		code, _, stderr := runCommand(t, c.env, "", "run", "--check")
		for _, want := range c.want {
			if code != exitUsage || !strings.Contains(stderr, want) {
				t.Errorf("%v: exit code %d, %q does not say %s", c.env, code, stderr, want)
			}
		}
	}
}
