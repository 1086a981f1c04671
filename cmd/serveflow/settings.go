package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kelseyhightower/envconfig"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/consumer"
	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/ship"
)

const prefix = "serveflow"

// Settings are everything that the environment may set. The desc tags are what
// `serveflow config` prints and README's table holds.
type Settings struct {
	Brokers         []string      `default:"127.0.0.1:9092" desc:"Kafka brokers, host:port, comma-separated"`
	Topic           string        `default:"serveflow.packets" desc:"input topic: packet and end records, or conn.log where the bundle reads that"`
	Group           string        `default:"serveflow" desc:"consumer group"`
	ClientID        string        `split_words:"true" default:"serveflow" desc:"client id towards the brokers"`
	Task            string        `default:"service" desc:"the question asked of every flow; its bundle is bundles/<task> unless named"`
	Bundle          string        `desc:"folder of the bundle; empty: bundles/<task> in the working folder or beside the binary"`
	LabelTopic      string        `split_words:"true" desc:"topic for labels; empty: serveflow.labels.<task>"`
	LatestTopic     string        `split_words:"true" desc:"compacted topic that has each flow's final label too, as its uid's last record; empty: none"`
	DeadLetterTopic string        `split_words:"true" desc:"topic for records that cannot be read; empty: <input topic>.dlq"`
	RekeyFrom       string        `split_words:"true" desc:"un-keyed topic that rekey, or run beside its own work, writes anew keyed by uid; run then reads what is written"`
	RekeyTo         string        `split_words:"true" desc:"topic that rekey writes to; empty: <SERVEFLOW_REKEY_FROM>.by-uid"`
	Provisional     bool          `default:"false" desc:"a flow that the first stage is unsure of gets its label at once, before the final one"`
	FlowIdle        time.Duration `split_words:"true" default:"2s" desc:"a flow is decided when its next packet takes longer, record time"`
	FlowMaxAge      time.Duration `split_words:"true" default:"60s" desc:"a flow is decided this long after its first packet at the latest, record time"`
	Lateness        time.Duration `default:"1s" desc:"how far records may arrive out of order, record time; timeouts wait that much longer"`
	Remember        time.Duration `default:"6m" desc:"how long a finished flow's uid is remembered after its last record"`
	MaxMemory       Bytes         `split_words:"true" default:"1GiB" desc:"resident memory of the process, at most: bytes, or with KiB, MiB, GiB; what the parts may hold follows from it"`
	MaxFlows        int           `split_words:"true" default:"500000" desc:"open flows; beyond it the first to time out are decided with what there is"`
	MaxFlowBytes    Bytes         `split_words:"true" default:"0" desc:"memory of open flows; beyond it likewise; 0: a share of SERVEFLOW_MAX_MEMORY"`
	MaxFinished     int           `split_words:"true" default:"0" desc:"finished uids that are remembered; 0: as many as a share of SERVEFLOW_MAX_MEMORY holds"`
	MaxPinRecords   int64         `split_words:"true" default:"1000000" desc:"records of its partition that may come while a flow is open; then it is decided with what there is"`
	ReadBack        int64         `split_words:"true" default:"2000000" desc:"records a partition below the committed offset that are read again at a start, at most, to relearn the flows finished within SERVEFLOW_REMEMBER"`
	SkipTruncated   bool          `split_words:"true" default:"false" desc:"go on where Kafka deleted records before they were read, and count them; else stop and say so"`
	SessionTimeout  time.Duration `split_words:"true" default:"20s" desc:"how long a member of the group may be silent before its partitions go to others; at least twice the drain timeout"`
	CommitEvery     time.Duration `split_words:"true" default:"500ms" desc:"time between offset commits"`
	DrainTimeout    time.Duration `split_words:"true" default:"10s" desc:"how long a stop or rebalance waits for labels under way"`
	FetchWait       time.Duration `split_words:"true" default:"250ms" desc:"how long a broker may hold an empty fetch"`
	FetchBytes      int           `split_words:"true" default:"4194304" desc:"bytes a fetch asks for, at most"`
	MaxRecordBytes  int           `split_words:"true" default:"262144" desc:"bytes of one record with all that lies around it; a larger one goes to the dead letters"`
	MaxNesting      int           `split_words:"true" default:"16" desc:"how deep objects and arrays of a record may lie in others; likewise"`
	MaxKeys         int           `split_words:"true" default:"512" desc:"keys of a record, all its objects together; likewise"`
	MaxStringBytes  int           `split_words:"true" default:"16384" desc:"bytes of one string of a record; likewise, but a record in an envelope may be as long as a record"`
	SinkQueue       int           `split_words:"true" default:"8192" desc:"messages waiting to be written, of each topic; a full queue holds the input back"`
	SlowQueue       int           `split_words:"true" default:"4096" desc:"flows waiting for the slow stage; a full queue lets the fast answer go out as degraded"`
	SlowWorkers     int           `split_words:"true" default:"1" desc:"batches of the slow stage that run side by side"`
	SlowBatch       int           `split_words:"true" default:"32" desc:"flows that the slow stage takes at once, at most; more gains nothing"`
	SlowTimeout     time.Duration `split_words:"true" default:"2s" desc:"how long a batch of the slow stage may take; then it is given up, and flows get the fast answer as breaker until the stage is well again"`
	SlowWait        time.Duration `split_words:"true" default:"5s" desc:"how long a flow may have to wait in that queue; where it would be longer, the queue counts as full"`
	ShipState       string        `split_words:"true" default:"/var/lib/serveflow/ship.json" desc:"file in which ship remembers how far each log is written"`
	ShipCheckpoint  time.Duration `split_words:"true" default:"1s" desc:"time between two writes of that file"`
	ShipPoll        time.Duration `split_words:"true" default:"10ms" desc:"time between two looks of ship at a log that had nothing new"`
	StartTimeout    time.Duration `split_words:"true" default:"20s" desc:"how long a start waits for the brokers and topics to be there"`
	ONNXRuntime     string        `envconfig:"ONNXRUNTIME" desc:"ONNX Runtime's shared library; empty: where make puts it, then the system's"`
	Admin           string        `default:"127.0.0.1:9464" desc:"address of run's /metrics, /healthz and /readyz; empty: none"`
	ShipAdmin       string        `split_words:"true" default:"127.0.0.1:9465" desc:"the same of ship"`
	RekeyAdmin      string        `split_words:"true" default:"127.0.0.1:9466" desc:"the same of a rekey that runs by itself"`
	Pprof           bool          `default:"false" desc:"serve Go's profiles too, at /debug/pprof/ of the admin address"`
	LogLevel        slog.Level    `split_words:"true" default:"info" desc:"debug, info, warn or error"`
	LogFormat       string        `split_words:"true" default:"text" desc:"text or json"`

	Security // SERVEFLOW_SECURITY_PROTOCOL, SERVEFLOW_TLS_* and SERVEFLOW_SASL_*
}

// loadSettings reads the environment. A setting that does not exist or cannot
// be read is an error that names it.
func loadSettings() (*Settings, error) {
	if err := unknownSettings(os.Environ()); err != nil {
		return nil, usageError{err}
	}
	s := &Settings{}
	if err := envconfig.Process(prefix, s); err != nil {
		var parse *envconfig.ParseError
		if errors.As(err, &parse) {
			err = fmt.Errorf("%s=%q is not a valid %s", parse.KeyName, parse.Value, parse.TypeName)
		}
		return nil, usageError{err}
	}
	s.retask(s.Task)
	if s.DeadLetterTopic == "" {
		s.DeadLetterTopic = deadLetterTopic(s.Topic)
	}
	if s.RekeyFrom != "" {
		s.rekey(s.RekeyFrom)
	}
	return s, nil
}

// rekey sets the topic to rekey, and the topics that follow from it where they are
// not set. Dead letters of both consumers then go where the records came from.
func (s *Settings) rekey(topic string) {
	if s.RekeyTo == "" || s.RekeyTo == byUID(s.RekeyFrom) {
		s.RekeyTo = byUID(topic)
	}
	if d := s.DeadLetterTopic; d == deadLetterTopic(s.Topic) || d == deadLetterTopic(s.RekeyFrom) {
		s.DeadLetterTopic = deadLetterTopic(topic)
	}
	s.RekeyFrom = topic
}

func byUID(topic string) string { return topic + ".by-uid" }

func deadLetterTopic(topic string) string { return topic + ".dlq" }

// retask sets the task, and the label topic where that follows from it.
func (s *Settings) retask(task string) {
	if s.LabelTopic == "" || s.LabelTopic == labelTopic(s.Task) {
		s.LabelTopic = labelTopic(task)
	}
	s.Task = task
}

func labelTopic(task string) string { return "serveflow.labels." + task }

// bundleDir is where the bundle lies: as set, else bundles/<task> in the working
// folder, or beside the binary, or one folder above it.
func (s *Settings) bundleDir() string {
	if s.Bundle != "" {
		return s.Bundle
	}
	dir := filepath.Join("bundles", s.Task)
	places := []string{dir}
	if exe, err := os.Executable(); err == nil {
		places = append(places, filepath.Join(filepath.Dir(exe), dir), filepath.Join(filepath.Dir(exe), "..", dir))
	}
	for _, place := range places {
		if _, err := os.Stat(place); err == nil {
			return place
		}
	}
	return dir
}

// flow is the flow tables' config for a cascade.
func (s *Settings) flow(spec *cascade.Spec) flow.Config {
	cfg := s.flowConfig(spec.Depth(), spec.Stages[0].Depth)
	cfg.Conns = spec.Conns
	return cfg
}

// flowConfig keeps depth packets a flow and wants some for the first decision.
func (s *Settings) flowConfig(depth, want int) flow.Config {
	b, _ := s.budget() // validate has shown its error
	return flow.Config{
		Rules:    flow.Rules{Depth: depth, Idle: s.FlowIdle, MaxAge: s.FlowMaxAge, Lateness: s.Lateness},
		Limits:   flow.Limits{Flows: s.MaxFlows, Bytes: int(b.flows), Finished: b.finished},
		Remember: s.Remember, Want: want,
	}
}

func (s *Settings) cascade() cascade.Config {
	return cascade.Config{Provisional: s.Provisional, Queue: s.SlowQueue, Workers: s.SlowWorkers, Batch: s.SlowBatch,
		Wait: s.SlowWait, Timeout: s.SlowTimeout}
}

func (s *Settings) consumer(cluster *brokers.Cluster, spec *cascade.Spec) consumer.Config {
	b, _ := s.budget()
	return consumer.Config{
		Cluster: cluster, Topic: s.Topic, Group: s.Group, Flow: s.flow(spec), PinRecords: s.MaxPinRecords, PinBytes: int(b.pins),
		ReadBack: s.ReadBack, SkipTruncated: s.SkipTruncated, SessionTimeout: s.SessionTimeout, CommitEvery: s.CommitEvery,
		DrainTimeout: s.DrainTimeout, MaxWait: s.FetchWait, FetchBytes: s.FetchBytes, Limits: s.limits(),
	}
}

// limits are those of one record. No setting may be 0: that would be its default.
func (s *Settings) limits() zeek.Limits {
	return zeek.Limits{Record: s.MaxRecordBytes, Nesting: s.MaxNesting, Keys: s.MaxKeys, String: s.MaxStringBytes}
}

func (s *Settings) ship(paths []string) ship.Config {
	return ship.Config{
		Paths: paths, Topic: s.Topic, State: s.ShipState,
		Checkpoint: s.ShipCheckpoint, Poll: s.ShipPoll, DrainTimeout: s.DrainTimeout,
	}
}

// rekeyer is the config of the consumer that rekeys.
func (s *Settings) rekeyer(cluster *brokers.Cluster) consumer.Config {
	b, _ := s.budget()
	return consumer.Config{
		Cluster: cluster, Topic: s.RekeyFrom, Group: s.Group + ".rekey", Flow: s.flowConfig(1, 1), PinBytes: int(b.pins),
		SkipTruncated: s.SkipTruncated, SessionTimeout: s.SessionTimeout, CommitEvery: s.CommitEvery,
		DrainTimeout: s.DrainTimeout, MaxWait: s.FetchWait, FetchBytes: s.FetchBytes, Limits: s.limits(),
	}
}

// logger writes to standard error: standard output belongs to the data.
func (s *Settings) logger() *slog.Logger {
	opts := &slog.HandlerOptions{Level: s.LogLevel}
	if strings.EqualFold(s.LogFormat, "json") {
		return slog.New(slog.NewJSONHandler(os.Stderr, opts))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, opts))
}
