// Package kafkatest gives tests a Kafka: one real broker (Start), a real cluster
// (StartCluster) or an in-process broker (Fake). Its helpers create topics, read them
// and look up committed offsets on any of them.
package kafkatest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/process"
)

const (
	// startTimeout is far above the time of a usual start, for machines under load.
	startTimeout = 2 * time.Minute
	stopTimeout  = 30 * time.Second
	// clusterID is any 16 bytes in base64: a broker's folder and its configuration must agree on it.
	clusterID = "c2VydmVmbG93LWthZmthMQ"
)

// Broker is one node of Apache Kafka (KRaft), often the only one. Its methods fail the
// test when they cannot do their work. It is not safe for concurrent use.
type Broker struct {
	ID int // node.id, from 1 on
	// Addr is the address for clients, "127.0.0.1:port"; a Restart does not change it.
	Addr string
	// Addrs holds the addresses of further listeners, by name, and of "CONTROLLER".
	Addrs map[string]string

	t       testing.TB
	install installation
	dir     string   // holds configuration, data and log
	java    []string // options of the JVM
	process *process.Process
}

// Start starts a broker on free ports of 127.0.0.1 and waits until it answers. The
// broker has no topics and creates none by itself. When the test ends, the broker and
// its data are removed; when it has failed, the end of the broker's log is printed.
//
// Without Java or Kafka's jars the test is skipped; with TESTS_MUST_NOT_SKIP=1 in the
// environment it fails.
func Start(t testing.TB) *Broker {
	t.Helper()
	return StartWith(t, Options{})
}

// StartWith starts a broker as Start does, with further listeners or properties.
func StartWith(t testing.TB, o Options) *Broker {
	t.Helper()
	b := newBroker(t, 1, o)
	b.format(node{voters: b.voter(), replicas: 1, inSync: 1}, o)
	b.run()
	return b
}

// newBroker finds free ports for a broker. It does not start it.
func newBroker(t testing.TB, id int, o Options) *Broker {
	t.Helper()
	b := &Broker{ID: id, t: t, install: requireInstallation(t), dir: t.TempDir(), Addrs: make(map[string]string)}
	address := func() string {
		port, err := reservePort(t)
		b.check("start", err)
		return fmt.Sprintf("127.0.0.1:%d", port)
	}
	b.Addr, b.Addrs["CONTROLLER"] = address(), address()
	for _, l := range o.Listeners {
		b.Addrs[l.Name] = address()
	}
	return b
}

// voter returns the broker's entry in controller.quorum.voters.
func (b *Broker) voter() string { return fmt.Sprintf("%d@%s", b.ID, b.Addrs["CONTROLLER"]) }

// format writes the broker's configuration and formats its storage.
func (b *Broker) format(n node, o Options) {
	b.t.Helper()
	n.id, b.java = b.ID, o.Java
	for addr, port := range map[string]*int{b.Addr: &n.port, b.Addrs["CONTROLLER"]: &n.controllerPort} {
		_, err := fmt.Sscanf(addr, "127.0.0.1:%d", port)
		b.check("address", err)
	}
	b.check("write configuration", writeConfig(b.dir, n, o, b.Addrs))
	format := b.install.command(b.dir, nil, "kafka.tools.StorageTool", "format", "-t", clusterID, "-c", propertiesFile)
	if out, err := format.CombinedOutput(); err != nil {
		b.t.Fatalf("kafkatest: format storage: %v\n%s", err, out)
	}
	b.t.Cleanup(b.cleanUp)
}

// Restart starts the broker again with the same address and data, and waits until it
// answers. It stops a broker that still runs first.
func (b *Broker) Restart() {
	b.t.Helper()
	b.Stop()
	b.run()
}

// Stop shuts the broker down cleanly. On a broker that is down it does nothing.
func (b *Broker) Stop() { b.process.Stop(stopTimeout) }

// Kill ends the broker, which may be paused, by SIGKILL and waits until it is gone.
func (b *Broker) Kill() { b.process.Kill() }

// Pause stops the broker by SIGSTOP: connections stay open and nothing is answered.
func (b *Broker) Pause() {
	b.t.Helper()
	b.check("pause", b.process.Signal(syscall.SIGSTOP))
}

// Resume lets a paused broker continue.
func (b *Broker) Resume() {
	b.t.Helper()
	b.check("resume", b.process.Signal(syscall.SIGCONT))
}

func (b *Broker) run() {
	b.t.Helper()
	b.launch()
	b.await()
}

func (b *Broker) launch() {
	b.t.Helper()
	var err error
	b.process, err = process.Start(b.install.command(b.dir, b.java, "kafka.Kafka", propertiesFile), b.logFile())
	b.check("start", err)
}

// await waits until the broker answers and serves its topics.
func (b *Broker) await() {
	b.t.Helper()
	client, done := newClient(b.Addr)
	defer done()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	b.check("start", retry(ctx, func() error {
		if !b.process.Running() {
			cancel()
			return errors.New("kafka ended: see its log")
		}
		return ready(ctx, client)
	}))
}

// ready returns an error where the broker cannot serve all its topics yet.
func ready(ctx context.Context, client *kafka.Client) error {
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{})
	if err != nil {
		return err
	}
	if len(meta.Brokers) == 0 {
		return errors.New("the broker is not registered yet")
	}
	for _, topic := range meta.Topics {
		if topic.Internal {
			continue // kafka-go asks any broker for these, not the partitions' leaders
		}
		if _, err := offsets(ctx, client, topic.Name); err != nil {
			return err
		}
	}
	return nil
}

func (b *Broker) cleanUp() {
	if b.process != nil {
		b.process.Kill() // the data is removed too, so a clean shutdown is not worth its time
	}
	if b.t.Failed() {
		b.t.Logf("the end of Kafka's log:\n%s", tail(b.logFile(), 16<<10))
	}
}

func (b *Broker) logFile() string { return filepath.Join(b.dir, outputFile) }

func (b *Broker) check(what string, err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("kafkatest: %s: %v", what, err)
	}
}

// tail returns the whole lines among a file's last limit bytes.
func tail(name string, limit int) []byte {
	text, err := os.ReadFile(name)
	if err != nil {
		return []byte(err.Error())
	}
	if len(text) <= limit {
		return text
	}
	_, lines, _ := bytes.Cut(text[len(text)-limit:], []byte("\n"))
	return lines
}
