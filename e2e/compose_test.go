package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// startLimit bounds what starts containers: it takes a fraction of that, on a machine that
// has nothing else to do. What it took is in the test's log.
const startLimit = 3 * time.Minute

// The life of a stack, as an operator has it. Each step builds on those before it.
func TestCompose(t *testing.T) {
	p := newProject(t, nil)
	volumes := volumeNames(t)
	p.must(time.Minute, "--profile", "*", "config", "--quiet")
	began := time.Now()
	p.must(startLimit, "up", "--detach", "--wait")
	t.Logf("up --wait took %v", time.Since(began).Round(time.Second/10))
	want := p.replayed()
	for _, step := range []struct {
		name string
		run  func(*testing.T, *project, map[string]label)
	}{
		{"first label", firstLabel},
		{"labels are those of replay", sameAsReplay},
		{"known flows get no second label", knownFlows},
		{"conservation", conservation},
		{"poison is a dead letter", poison},
		{"hardened", hardened},
		{"image", image},
		{"doctor finds no fault", doctorIsContent},
		{"kill in the middle", killInTheMiddle},
		{"restart", restart},
		{"three members", threeMembers},
		{"down and up", downAndUp},
		{"restart of the engine", restartOfTheEngine},
	} {
		ok := t.Run(step.name, func(t *testing.T) {
			within := *p
			within.t = t
			step.run(t, &within, want)
		})
		if !ok {
			return // what follows would be about this, too
		}
	}
	p.takeDown()
	if now := volumeNames(t); !slices.Equal(now, volumes) {
		t.Errorf("volumes before: %q, after: %q", volumes, now)
	}
}

// volumeNames are all volumes of the engine, those without a name too.
func volumeNames(t *testing.T) []string {
	out, err := docker(time.Minute, "volume", "ls", "--quiet")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(out)
}

// The service labels shows a table, and its first label comes in time.
func firstLabel(t *testing.T, p *project, _ map[string]label) {
	ctx, stop := context.WithTimeout(t.Context(), startLimit)
	defer stop()
	replay := p.command(ctx, "run", "--rm", "replay")
	if err := replay.Start(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	out, err := p.command(ctx, "run", "--rm", "--no-TTY", "labels", "--from", "beginning", "--count", "5").Output()
	t.Logf("labels came after %v", time.Since(began).Round(time.Second/10))
	if lines := strings.Split(strings.TrimSpace(string(out)), "\n"); err != nil || len(lines) != 6 || !strings.HasPrefix(lines[0], "FIRST PACKET") || !strings.Contains(lines[5], "%") {
		t.Errorf("%v\n%s", err, out)
	}
	if err := replay.Wait(); err != nil {
		t.Errorf("replay: %v", err)
	}
}

func sameAsReplay(t *testing.T, p *project, want map[string]label) {
	await.Until(t, "every label", func() bool { return len(p.written()) >= len(want) })
	if twice := compare(t, "", p.written(), want, false); twice != 0 {
		t.Errorf("%d labels came twice without a fault", twice)
	}
}

// A second replay gives no labels and says why; with --again it gives all of them.
func knownFlows(t *testing.T, p *project, want map[string]label) {
	if said := p.replay("--speed", "0"); !strings.Contains(said, "are known and get no second label: send --again") {
		t.Errorf("send says: %s", said)
	}
	p.awaitRead()
	if labels := p.written(); len(labels) != len(want) {
		t.Errorf("%d labels after a second replay, want %d", len(labels), len(want))
	}
	p.again(t, want, func() {}, "--speed", "2")
}

// again replays as a new sensor, and holds its labels against those of replay. meanwhile
// is called while records are sent.
func (p *project) again(t *testing.T, want map[string]label, meanwhile func(), args ...string) (twice int) {
	t.Helper()
	before := sensors(p.written())
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	defer stop()
	replay := p.command(ctx, append([]string{"run", "--rm", "replay", "--again"}, args...)...)
	if err := replay.Start(); err != nil {
		t.Fatal(err)
	}
	meanwhile()
	if err := replay.Wait(); err != nil {
		t.Errorf("replay: %v", err)
	}
	var sensor string
	await.Within(t, 90*time.Second, "every label of the new sensor", func() bool {
		now := p.written()
		for _, name := range sensors(now) {
			if !slices.Contains(before, name) {
				sensor = name
			}
		}
		return sensor != "" && count(now, sensor) >= len(want)
	}, func() any { return count(p.written(), sensor) })
	return compare(t, sensor, p.written(), want, true)
}

// awaitRead waits until every record of the input topic was taken.
func (p *project) awaitRead() {
	p.t.Helper()
	records := float64(len(kafkatest.ReadAll(p.t, p.kafkaAddr(), "serveflow.packets")))
	taken := func() any { return p.metrics("serveflow", "serveflow_next_offset", nil) }
	await.Within(p.t, time.Minute, fmt.Sprint(records, " records to be taken"), func() bool { return taken() == records }, taken)
}

// Flows opened are flows labelled, and no record was a dead letter.
func conservation(t *testing.T, p *project, _ map[string]label) {
	opened := p.metrics("serveflow", "serveflow_records_total", map[string]string{"outcome": "opened"})
	final := p.metrics("serveflow", "serveflow_labels_total", map[string]string{"final": "true"})
	rest := p.metrics("serveflow", "serveflow_flows_unlabelled_total", nil) + p.metrics("serveflow", "serveflow_open_flows", nil)
	if opened == 0 || opened != final+rest {
		t.Errorf("%v flows opened, %v labelled, %v neither or open", opened, final, rest)
	}
	if dead := kafkatest.ReadAll(t, p.kafkaAddr(), "serveflow.packets.dlq"); len(dead) != 0 {
		t.Errorf("%d dead letters, the first: %s", len(dead), dead[0].Value)
	}
}

func poison(t *testing.T, p *project, _ map[string]label) {
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	w := &kafka.Writer{Addr: kafka.TCP(p.kafkaAddr()), Topic: "serveflow.packets", RequiredAcks: kafka.RequireAll, Transport: transport}
	defer w.Close()
	if err := w.WriteMessages(t.Context(), kafka.Message{Key: []byte("x"), Value: []byte("no record")}); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "the dead letter", func() bool { return len(kafkatest.ReadAll(t, p.kafkaAddr(), "serveflow.packets.dlq")) > 0 })
	dead := kafkatest.ReadAll(t, p.kafkaAddr(), "serveflow.packets.dlq")
	if len(dead) != 1 || string(dead[0].Value) != "no record" {
		t.Errorf("dead letters: %s", dead[0].Value)
	}
}

func doctorIsContent(t *testing.T, p *project, _ map[string]label) {
	out, err := p.run(time.Minute, "run", "--rm", "--entrypoint", "serveflow", "labels", "doctor", "--json")
	if strings.Contains(out, `"fault"`) || !strings.Contains(out, "{") {
		t.Errorf("%v\n%s", err, out)
	}
}

// kill -9 of serveflow and of Kafka while records come: both are back by themselves, and
// the labels are the same ones.
func killInTheMiddle(t *testing.T, p *project, want map[string]label) {
	twice := p.again(t, want, func() {
		time.Sleep(8 * time.Second) // replay takes about 30
		p.kill("serveflow")
		if said := p.awaitReady("serveflow"); !strings.Contains(said, "waiting to be let into group serveflow.service") || strings.Contains(said, "no broker answers") {
			t.Errorf("while the group still has the member that was killed, /readyz says\n%s", said)
		}
		p.awaitHealthy("serveflow", startLimit)
		p.kill("kafka")
		if said := p.awaitReady("serveflow"); said == "" || strings.Contains(said, "TLS") {
			t.Errorf("while Kafka is away, /readyz says\n%s", said)
		}
		p.awaitHealthy("kafka", startLimit)
		p.awaitHealthy("serveflow", startLimit)
	})
	t.Logf("%d labels came twice, all equal", twice)
	for _, service := range []string{"serveflow", "kafka"} {
		if n := p.one(service).RestartCount; n < 1 {
			t.Errorf("%s was restarted %d times", service, n)
		}
	}
}

// A stop drains: exit code 0, and no label is written twice.
func restart(t *testing.T, p *project, _ map[string]label) {
	before := len(kafkatest.ReadAll(t, p.kafkaAddr(), labelTopic))
	p.must(time.Minute, "stop", "serveflow")
	if code := p.one("serveflow").State.ExitCode; code != 0 {
		t.Errorf("exit code %d", code)
	}
	p.must(startLimit, "up", "--detach", "--wait")
	p.awaitRead()
	if after := len(kafkatest.ReadAll(t, p.kafkaAddr(), labelTopic)); after != before {
		t.Errorf("%d labels before, %d after", before, after)
	}
}

func threeMembers(t *testing.T, p *project, want map[string]label) {
	p.must(startLimit, "up", "--detach", "--wait", "--scale", "serveflow=3")
	await.Until(t, "two partitions for each member", func() bool {
		for _, c := range p.containers("serveflow") {
			ports := c.NetworkSettings.Ports["9464/tcp"]
			if len(ports) == 0 || scrape(t, "http://127.0.0.1:"+ports[0].HostPort+"/metrics", "serveflow_assigned_partitions", nil) != 2 {
				return false
			}
		}
		return true
	}, func() any { return p.metrics("serveflow", "serveflow_assigned_partitions", nil) })
	if n := len(p.containers("serveflow")); n != 3 {
		t.Errorf("%d members", n)
	}
	p.again(t, want, func() {}, "--speed", "4")
	p.must(startLimit, "up", "--detach", "--wait", "--scale", "serveflow=1")
}

// down keeps what Kafka holds.
func downAndUp(t *testing.T, p *project, _ map[string]label) {
	before := len(p.written())
	p.must(2*time.Minute, "down")
	p.must(startLimit, "up", "--detach", "--wait")
	p.awaitHealthy("serveflow", startLimit)
	if after := len(p.written()); after != before || before == 0 {
		t.Errorf("%s labels before, %s after", strconv.Itoa(before), strconv.Itoa(after))
	}
}

// All that was running is back when the engine is, and goes on.
func restartOfTheEngine(t *testing.T, p *project, want map[string]label) {
	dir := os.Getenv("E2E_ENGINE")
	if _, err := os.Stat(filepath.Join(dir, "docker.pid")); dir == "" || err != nil {
		t.Skip("on purpose: the engine is the machine's own, and is not restarted")
	}
	for _, do := range []string{"stop", "start"} {
		if out, err := exec.CommandContext(t.Context(), "./engine.sh", do, dir).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	p.awaitHealthy("kafka", startLimit)
	p.awaitHealthy("serveflow", startLimit)
	p.again(t, want, func() {}, "--speed", "4")
}
