package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kelseyhightower/envconfig"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/consumer"
	"github.com/serveflow/serveflow/consumer/group"
	"github.com/serveflow/serveflow/flow"
	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/memory"
	"github.com/serveflow/serveflow/ship"
)

const prefix = "serveflow"

// Settings are everything that the environment may set. The desc tags are what
// `serveflow config` prints and docs/settings.md holds.
type Settings struct {
	Brokers         []string      `default:"127.0.0.1:9092" desc:"Kafka brokers, host:port, comma-separated"`
	Topic           string        `default:"serveflow.packets" desc:"input topic: packet and end records, or records of conn.log where the bundle reads those"`
	Group           string        `desc:"consumer group; empty: serveflow.<task>, and serveflow.rekey to rekey; rekey always adds .rekey"`
	MixedBundles    bool          `split_words:"true" default:"false" desc:"with SERVEFLOW_RELOAD_EVERY=0: let members with different bundles of the task into one group, to change the bundle member by member; set it for all of them. Where folders are looked at, members may differ anyway"`
	ClientID        string        `split_words:"true" default:"serveflow" desc:"Kafka client id"`
	Task            string        `default:"service" desc:"the question that is asked about every flow; its bundle is bundles/<task> unless SERVEFLOW_BUNDLE names another"`
	Tasks           []string      `desc:"several tasks, comma-separated, that share one pass over the flows; in place of SERVEFLOW_TASK"`
	SkipBrokenTasks bool          `split_words:"true" default:"false" desc:"where the bundle of one of several tasks does not load: true leaves that task out, false refuses to start"`
	Bundle          string        `desc:"folder of the bundle; <task> stands for the task; empty: bundles/<task> in the working folder or beside the binary"`
	ReloadEvery     time.Duration `split_words:"true" default:"5s" desc:"how often the folder of each bundle is looked at; another bundle there is tried out and served, without a restart; 0: only on SIGHUP"`
	Shadow          string        `desc:"folder of a second bundle of the task, whose labels for a share of the flows go to <label topic>.shadow, to be compared; <task> stands for the task; empty: none"`
	ShadowShare     float64       `split_words:"true" default:"0.1" desc:"share of the flows that the bundle of SERVEFLOW_SHADOW is asked about, from 0 to 1, chosen by uid"`
	LabelTopic      string        `split_words:"true" desc:"topic for labels; <task> stands for the task; empty: serveflow.labels.<task>"`
	LatestTopic     string        `split_words:"true" desc:"compacted topic that gets each final label as well, and keeps the last of each uid; <task> stands for the task; empty: none"`
	DeadLetterTopic string        `split_words:"true" desc:"topic for records that cannot be read; empty: <input topic>.dlq"`
	RekeyFrom       string        `split_words:"true" desc:"topic without keys whose records rekey copies to SERVEFLOW_REKEY_TO, keyed by uid; if it is set, run does that too, and labels the copy"`
	RekeyTo         string        `split_words:"true" desc:"topic that rekey writes to; empty: <SERVEFLOW_REKEY_FROM>.by-uid"`
	Provisional     bool          `default:"false" desc:"write a provisional label at once for a flow that the first stage is unsure of; its final label follows"`
	FlowIdle        time.Duration `split_words:"true" default:"2s" desc:"a flow is decided when its next packet comes later than this, in record time"`
	FlowMaxAge      time.Duration `split_words:"true" default:"60s" desc:"a flow is decided this long after its first packet at the latest, in record time"`
	Lateness        time.Duration `default:"200ms" desc:"how late records may come, in record time, behind the latest one of their sensor; timeouts wait that much longer"`
	Remember        time.Duration `default:"6m" desc:"how long a finished flow's uid is remembered after its last record"`
	MaxMemory       memory.Bytes  `split_words:"true" default:"1GiB" desc:"resident memory of the process, at most: bytes, or with KiB, MiB or GiB; the shares of its parts follow from it"`
	MaxFlows        int           `split_words:"true" default:"500000" desc:"open flows, at most; beyond that, those that would time out first are decided with the packets that they have"`
	MaxFlowBytes    memory.Bytes  `split_words:"true" default:"0" desc:"memory of open flows, at most; beyond that, flows are decided as for SERVEFLOW_MAX_FLOWS; 0: a share of SERVEFLOW_MAX_MEMORY"`
	MaxFinished     int           `split_words:"true" default:"0" desc:"uids of finished flows that are remembered, at most; 0: as many as a share of SERVEFLOW_MAX_MEMORY holds"`
	MaxPinRecords   int64         `split_words:"true" default:"1000000" desc:"a flow is decided when this many records of its partition have come since it opened, because an open flow holds the committed offset back"`
	ReadBack        int64         `split_words:"true" default:"2000000" desc:"records of each partition below the committed offset that a start reads again, at most, to know the flows that finished within SERVEFLOW_REMEMBER"`
	SkipTruncated   bool          `split_words:"true" default:"false" desc:"where Kafka deleted records before they were read: true counts them and goes on, false stops with an error"`
	SessionTimeout  time.Duration `split_words:"true" default:"20s" desc:"how long a member of the group may be silent before its partitions go to others; at least twice the drain timeout"`
	CommitEvery     time.Duration `split_words:"true" default:"500ms" desc:"time between offset commits"`
	DrainTimeout    time.Duration `split_words:"true" default:"10s" desc:"how long a stop or a rebalance waits for labels, or records of ship and rekey, that are not written yet"`
	FetchWait       time.Duration `split_words:"true" default:"250ms" desc:"how long a broker may hold an empty fetch"`
	FetchBytes      int           `split_words:"true" default:"4194304" desc:"bytes a fetch asks for, at most"`
	MaxRecordBytes  int           `split_words:"true" default:"262144" desc:"bytes of one record with the envelope around it, at most; a larger record goes to the dead letters"`
	MaxNesting      int           `split_words:"true" default:"16" desc:"levels of objects and arrays inside each other in a record, at most; a deeper record goes to the dead letters"`
	MaxKeys         int           `split_words:"true" default:"512" desc:"keys of all objects of a record together, at most; a record with more goes to the dead letters"`
	MaxStringBytes  int           `split_words:"true" default:"16384" desc:"bytes of one string in a record, at most; a record with a longer one goes to the dead letters, unless that string is the record inside an envelope"`
	SinkQueue       int           `split_words:"true" default:"8192" desc:"messages of each topic that wait to be written, at most; a full queue holds the input back"`
	SlowQueue       int           `split_words:"true" default:"4096" desc:"flows of a task that wait for its slow stages, at most; where the queue is full, flows get the fast answer with reason degraded, and behind a backlog the input waits"`
	SlowWorkers     int           `split_words:"true" default:"1" desc:"batches of the slow stage that run at the same time"`
	SlowBatch       int           `split_words:"true" default:"32" desc:"flows in a batch of the slow stage, at most; a larger batch gains nothing"`
	SlowTimeout     time.Duration `split_words:"true" default:"2s" desc:"how long a batch of the slow stage may take; then it is given up, and flows get the fast answer with reason breaker until the stage works again"`
	SlowWait        time.Duration `split_words:"true" default:"5s" desc:"how long a flow may have to wait in the queue of the slow stage; where it would be longer, the queue counts as full"`
	Objective       time.Duration `envconfig:"LATENCY_OBJECTIVE" default:"250ms" desc:"how long 99 of 100 flows may wait in the queue of the slow stage; while it would be longer, the least uncertain flows get the fast answer with reason degraded"`
	Adapt           string        `default:"on" desc:"on: load may change labels, by SERVEFLOW_LATENCY_OBJECTIVE, SERVEFLOW_SLOW_WAIT and a full queue; off: it never does, and a full queue of the slow stage holds the input back"`
	ShipState       string        `split_words:"true" default:"/var/lib/serveflow/ship.json" desc:"file in which ship remembers how much of each log Kafka has"`
	ShipCheckpoint  time.Duration `split_words:"true" default:"1s" desc:"time between two writes of SERVEFLOW_SHIP_STATE"`
	ShipPoll        time.Duration `split_words:"true" default:"10ms" desc:"how long ship waits before it looks again at a log that had nothing new"`
	StartTimeout    time.Duration `split_words:"true" default:"20s" desc:"how long a start waits until a broker answers and the topics exist"`
	ONNXRuntime     string        `envconfig:"ONNXRUNTIME" desc:"ONNX Runtime's shared library; empty: where make puts it, then the system's"`
	Admin           string        `default:"127.0.0.1:9464" desc:"address of run's /metrics, /healthz and /readyz; empty: none"`
	ShipAdmin       string        `split_words:"true" default:"127.0.0.1:9465" desc:"address of ship's /metrics, /healthz and /readyz; empty: none"`
	RekeyAdmin      string        `split_words:"true" default:"127.0.0.1:9466" desc:"address of /metrics, /healthz and /readyz of a rekey that is a process of its own; empty: none"`
	Pprof           bool          `default:"false" desc:"serve Go's profiles too, at /debug/pprof/ of the admin address"`
	LogLevel        slog.Level    `split_words:"true" default:"info" desc:"debug, info, warn or error"`
	LogFormat       string        `split_words:"true" default:"text" desc:"text or json"`

	// What is spoken to the brokers, and who we are there.
	SecurityProtocol string `split_words:"true" default:"PLAINTEXT" desc:"protocol of the brokers' listeners: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL; there is no fall-back to another"`
	TLS              tlsSettings
	SASL             saslSettings
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
	if len(s.Tasks) == 1 {
		s.Task = s.Tasks[0]
	}
	if s.LabelTopic == "" {
		s.LabelTopic = labelTopic(taskPlace)
	}
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

// retask sets the task to that of the bundle, and the label topic where that follows from it.
func (s *Settings) retask(task string) {
	if s.LabelTopic == labelTopic(taskPlace) {
		s.LabelTopic = labelTopic(task)
	}
	s.Task = task
}

// group is the consumer group of run: each task has its own unless one is set.
func (s *Settings) group() string {
	if len(s.Tasks) < 2 {
		return cmp.Or(s.Group, "serveflow."+s.Task)
	}
	return cmp.Or(s.Group, "serveflow."+strings.Join(slices.Sorted(slices.Values(s.names())), "+"))
}

// rekeyGroup is the consumer group that rekeys. What it does is the same for every task.
func (s *Settings) rekeyGroup() string { return cmp.Or(s.Group, "serveflow") + ".rekey" }

func labelTopic(task string) string { return "serveflow.labels." + task }

// bundleDir is where the bundle lies: as set, else bundles/<task> in the working
// folder, or beside the binary, or one folder above it.
func (s *Settings) bundleDir() string {
	if s.Bundle != "" {
		return s.Bundle
	}
	places := bundlePlaces(s.Task)
	for _, place := range places {
		if _, err := os.Stat(place); err == nil {
			return place
		}
	}
	return places[0]
}

// bundlePlaces are where the bundle of a task may lie.
func bundlePlaces(task string) []string {
	dir := filepath.Join("bundles", task)
	places := []string{dir}
	if exe, err := os.Executable(); err == nil {
		places = append(places, filepath.Join(filepath.Dir(exe), dir), filepath.Join(filepath.Dir(exe), "..", dir))
	}
	return places
}

// budget divides SERVEFLOW_MAX_MEMORY.
func (s *Settings) budget() (memory.Budget, error) {
	bundles := len(s.names())
	if s.Shadow != "" {
		bundles *= 2
	}
	return memory.Divide(memory.Demand{Max: s.MaxMemory, Flows: s.MaxFlowBytes, Finished: s.MaxFinished, UIDBytes: flow.FinishedBytes,
		Tasks: bundles, SinkQueue: s.SinkQueue, SlowQueue: s.SlowQueue, Rekey: s.RekeyFrom != ""})
}

// flow is the flow tables' config for the tasks.
func (s *Settings) flow(all tasks) flow.Config {
	cfg := s.flowConfig(all.depth())
	cfg.Conns, cfg.Tasks, cfg.Shadows = all[0].spec.Conns, len(all), len(all.shadows())
	cfg.Rules.Opens = all.opens()
	return cfg
}

// flowConfig keeps depth packets a flow and wants some for the first decision.
func (s *Settings) flowConfig(depth, want int) flow.Config {
	b, _ := s.budget() // validate has shown its error
	return flow.Config{
		Rules:    flow.Rules{Depth: depth, Idle: s.FlowIdle, MaxAge: s.FlowMaxAge, Lateness: s.Lateness},
		Limits:   flow.Limits{Flows: s.MaxFlows, Bytes: int(b.Flows), Finished: b.Finished},
		Remember: s.Remember, Want: want,
	}
}

func (s *Settings) cascade() cascade.Config {
	return cascade.Config{Provisional: s.Provisional, Queue: s.SlowQueue, Workers: s.SlowWorkers, Batch: s.SlowBatch,
		Wait: s.SlowWait, Objective: s.Objective, HoldBack: s.Adapt == "off", Timeout: s.SlowTimeout}
}

// shadowCascade is the config of shadows: nothing waits for them.
func (s *Settings) shadowCascade() cascade.Config {
	cfg := s.cascade()
	cfg.Shadow, cfg.Provisional, cfg.HoldBack = true, false, false
	return cfg
}

func (s *Settings) consumer(cluster *brokers.Cluster, all tasks) consumer.Config {
	b, _ := s.budget()
	return consumer.Config{
		Cluster: cluster, Topic: s.Topic, Group: s.group(), MixedBundles: s.MixedBundles, Reloads: s.ReloadEvery > 0,
		Purpose: all.purpose(), Flow: s.flow(all), PinRecords: s.MaxPinRecords, PinBytes: int(b.InFlight),
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
		Checkpoint: s.ShipCheckpoint, Poll: s.ShipPoll, DrainTimeout: s.DrainTimeout, Lateness: s.Lateness,
	}
}

// rekeyer is the config of the consumer that rekeys. It has no flow table: of that config
// only the lateness counts, and the rest is what is valid.
func (s *Settings) rekeyer(cluster *brokers.Cluster) consumer.Config {
	b, _ := s.budget()
	lateness := flow.Config{
		Rules:  flow.Rules{Depth: 1, Idle: 1, MaxAge: 1, Lateness: s.Lateness},
		Limits: flow.Limits{Flows: 1, Bytes: 1 << 10, Finished: 1}, Want: 1,
	}
	return consumer.Config{
		Cluster: cluster, Topic: s.RekeyFrom, Group: s.rekeyGroup(), Purpose: group.Purpose{Task: "rekey", Output: s.RekeyTo},
		Flow: lateness, PinBytes: int(b.InFlight),
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
