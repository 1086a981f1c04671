package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
	"github.com/serveflow/serveflow/internal/process"
)

// freeAddress is a loopback address that nobody listens on just now.
func freeAddress(t *testing.T) string {
	t.Helper()
	return process.FreeAddress(t)
}

// get asks the admin address; status 0 while nothing answers.
func get(addr, path string) (status int, body string) {
	resp, err := http.Get("http://" + addr + path)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// transport returns a pool of connections that ends with the test.
func transport(t *testing.T) *kafka.Transport {
	pool := &kafka.Transport{}
	t.Cleanup(pool.CloseIdleConnections)
	return pool
}

// produce writes record lines to the input topic, keyed as one partition needs it.
func produce(t *testing.T, addr string, lines string) {
	t.Helper()
	w := &kafka.Writer{Addr: kafka.TCP(addr), Transport: transport(t), Topic: packetsTopic, Balancer: kafka.Murmur2Balancer{}, BatchTimeout: time.Millisecond, RequiredAcks: kafka.RequireAll}
	defer w.Close()
	var all []kafka.Message
	for line := range strings.Lines(lines) {
		all = append(all, kafka.Message{Key: []byte("k"), Value: []byte(strings.TrimSpace(line))})
	}
	if err := w.WriteMessages(context.Background(), all...); err != nil {
		t.Fatal(err)
	}
}

// metric sums a metric over its labels, those that match.
func metric(metrics, name, labels string) float64 {
	sum := 0.
	for _, m := range regexp.MustCompile(`(?m)^`+name+`(\{[^}]*`+labels+`[^}]*\})? (\S+)$`).FindAllStringSubmatch(metrics, -1) {
		x, _ := strconv.ParseFloat(m[2], 64)
		sum += x
	}
	return sum
}

func TestRunFromTopicToTopic(t *testing.T) {
	onnxtest.Library(t)
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, packetsTopic, labelsTopic, packetsTopic+".dlq"))
	admin := freeAddress(t)
	env := map[string]string{"SERVEFLOW_BROKERS": addr, "SERVEFLOW_ADMIN": admin, "SERVEFLOW_BUNDLE": toy, "SERVEFLOW_COMMIT_EVERY": "20ms"}
	stop := startHere(t, env)
	awaitReady(t, admin)
	produce(t, addr, twoFlows+"not a record\n"+`{"ts":1,"uid":"C1","service":"dns"}`+"\n")
	await.Until(t, "two labels", func() bool { return len(kafkatest.ReadAll(t, addr, labelsTopic)) == 2 })
	await.Until(t, "a dead letter", func() bool { return len(kafkatest.ReadAll(t, addr, packetsTopic+".dlq")) == 1 })
	await.Until(t, "all committed", func() bool { return kafkatest.CommittedOffsets(t, addr, "serveflow.service", packetsTopic)[0] == 4 })

	_, metrics := get(admin, "/metrics")
	taken, dead := metric(metrics, "serveflow_records_total", ""), metric(metrics, "serveflow_written_total", `topic="`+regexp.QuoteMeta(packetsTopic)+`\.dlq"`)
	if taken+dead != 4 || dead != 1 {
		t.Errorf("%v records taken and %v dead, 4 were sent", taken, dead)
	}
	opened, final := metric(metrics, "serveflow_records_total", `outcome="opened"`), metric(metrics, "serveflow_labels_total", `final="true"`)
	open := metric(metrics, "serveflow_open_flows", "") + metric(metrics, "serveflow_flows_unlabelled_total", "")
	if opened != 2 || opened != final+open {
		t.Errorf("%v flows opened, %v labelled, %v open", opened, final, open)
	}
	if status, body := get(admin, "/healthz"); status != http.StatusOK {
		t.Errorf("healthz: %d %s", status, body)
	}
	stop()
}

// sendLab writes the lab's records to the input topic. The test is in the repository's root.
func sendLab(t *testing.T, addr string, flags ...string) {
	t.Helper()
	args := append([]string{"send", "--speed", "0"}, flags...)
	if code, _, stderr := runCommand(t, map[string]string{"SERVEFLOW_BROKERS": addr}, "", append(args, labFile)...); code != exitOK {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
}

// startHere runs `serveflow run` in this process. It is stopped, and must end well, when the test
// ends or stop is called.
func startHere(t *testing.T, env map[string]string) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if code, _, stderr := runCommandIn(ctx, t, env, "", "run"); code != exitOK {
			t.Errorf("exit code %d: %s", code, stderr)
		}
	}()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	return stop
}

// awaitReady waits until the process at an admin address is at work.
func awaitReady(t *testing.T, admin string) {
	t.Helper()
	await.Until(t, "ready", func() bool { status, _ := get(admin, "/readyz"); return status == http.StatusOK })
}

func TestMissingTopicsAreNamed(t *testing.T) {
	onnxtest.Library(t)
	for missing, setting := range map[string]string{packetsTopic: "SERVEFLOW_TOPIC", labelsTopic: "SERVEFLOW_LABEL_TOPIC", packetsTopic + ".dlq": "SERVEFLOW_DEAD_LETTER_TOPIC"} {
		var there []string
		for _, topic := range []string{packetsTopic, labelsTopic, packetsTopic + ".dlq"} {
			if topic != missing {
				there = append(there, topic)
			}
		}
		addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, there...))
		code, _, stderr := runCommand(t, map[string]string{"SERVEFLOW_BROKERS": addr, "SERVEFLOW_ADMIN": "", "SERVEFLOW_BUNDLE": toy, "SERVEFLOW_START_TIMEOUT": "100ms"}, "", "run")
		want := fmt.Sprintf("topic %s is missing: create it, or name another by %s", missing, setting)
		if code != exitFail || !strings.Contains(stderr, want) {
			t.Errorf("exit code %d, %q does not say %q", code, stderr, want)
		}
	}
}

func TestCheckConnectsToNothing(t *testing.T) {
	onnxtest.Library(t)
	code, stdout, stderr := runCommand(t, map[string]string{"SERVEFLOW_BROKERS": "127.0.0.1:1", "SERVEFLOW_BUNDLE": toy}, "", "run", "--check")
	if code != exitOK || !strings.HasPrefix(stdout, "ready to run: service@") || stderr != "" {
		t.Errorf("exit code %d, %q, %q", code, stdout, stderr)
	}
}
