package partition

import (
	"context"
	"log/slog"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/consumer/fetch"
	"github.com/serveflow/serveflow/consumer/offset"
	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/delivery"
)

// Config is the same for all partitions of a consumer.
type Config struct {
	Cluster *brokers.Cluster
	Topic   string
	Group   string // as error texts name it

	Limits     fetch.Limits  // of one record, before it is decoded
	MaxWait    time.Duration // how long the broker may hold an empty fetch
	FetchBytes int           // bytes that a fetch asks for, at most

	// WarmUpRecords is how many records below the checkpoint are read again at a start,
	// at most, to learn which flows are finished; 0 is none.
	WarmUpRecords int64
	// WarmUpAge is how long before the checkpoint the oldest of them was written.
	WarmUpAge time.Duration
	// SkipTruncated: go on, and count, where records were deleted before they were read;
	// otherwise the partition stops.
	SkipTruncated bool

	// Bundles names the bundles by which flows are labelled now; nil: labels have none.
	Bundles func() []string

	CommitEvery  time.Duration
	DrainTimeout time.Duration // how long the end of a generation waits for labels under way
}

// Handler takes the records of one partition and generation. It is for the partition's
// goroutine alone.
type Handler interface {
	// Take takes one record's bytes, which it does not keep. Where something waits for
	// the record to be written, it pins the offset, at most once. The error says that
	// the record is bad; then nothing has changed. It may block until ctx is done.
	Take(ctx context.Context, value []byte, offset int64, pins delivery.Pinner) error
	// WarmUp takes a record that was finished before the partition was resumed, unless
	// its flow is open.
	WarmUp(ctx context.Context, value []byte)
	// AfterFetch is told after each fetch whether that reached the partition's end, and
	// if so for how long in wall time it had waited there. It may block until ctx is done.
	AfterFetch(ctx context.Context, atEnd bool, waited time.Duration)
	// Open is how many pins are held on purpose: the end of a generation does not wait
	// for them.
	Open() int
}

// Checkpoints reads what is committed for a partition.
type Checkpoints interface {
	Read(ctx context.Context, partition int) (offset.Checkpoint, error)
}

// Committer commits how far a partition has come. It does not block.
type Committer interface {
	Advance(partition int, at offset.Checkpoint)
	// Named are the bundles that the last commit of the partition in this generation names.
	Named(partition int) []string
}

// Labeller labels flows by bundles, which may change.
type Labeller interface {
	// Recall has it learn which flows have labels by any of these bundles, which may have been
	// written from a time on. After an error it is called again.
	Recall(ctx context.Context, bundles []string, since time.Time) error
	// Adopt has new flows begin with its newest bundle, if that is among these. It reports
	// whether new flows can begin with any.
	Adopt(bundles []string) bool
}

// DeadLetters takes records that could not be read or decoded. It may block, and gives
// up without acknowledging when ctx is done.
type DeadLetters interface {
	Put(ctx context.Context, l delivery.DeadLetter)
}

// Backlog is told how far a partition is behind: how many records are not taken, and when
// the last one that was taken was written; the zero time where that is not known.
type Backlog interface {
	Observe(partition int, behind int64, newest, now time.Time)
	Forget(partition int)
}

// Dependencies are what a partition works with.
type Dependencies struct {
	Client      *kafka.Client // for look-ups beside the fetches
	Checkpoints Checkpoints
	Committer   Committer
	Handler     Handler
	InFlight    *offset.InFlight
	DeadLetters DeadLetters
	// Labeller labels the flows; nil: nothing is to be known of its bundles.
	Labeller Labeller
	Memory   *fetch.Memory
	Metrics  *Metrics
	Backlog  Backlog
	// Report is told why a partition is not being read; nil: it is.
	Report func(partition int, err error)
	Log    *slog.Logger
}
