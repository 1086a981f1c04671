package ship

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/serveflow/serveflow/internal/delivery"
	"github.com/serveflow/serveflow/sink/producer"
)

// Sender queues a message. It may block, and gives up without acknowledging when ctx is
// done.
type Sender interface {
	Send(ctx context.Context, m producer.Message)
}

// DeadLetters takes lines that are no records. It may block, and gives up without
// acknowledging when ctx is done.
type DeadLetters interface {
	Put(ctx context.Context, l delivery.DeadLetter)
}

// source is one path that is read.
type source interface {
	// run reads until the source ends, fails or ctx is done; what is under way
	// then is sent until hard is done.
	run(ctx, hard context.Context) error
	// state is how far it is written for good; without files where that cannot
	// be resumed.
	state() pathState
	// ready says in words why it cannot be read; nil while it can.
	ready() error
}

// Shipper brings the lines of several paths into Kafka.
type Shipper struct {
	cfg     Config
	outlet  *outlet
	sources map[string]source // by absolute path
	book    *checkpoint       // nil where nothing can be resumed
	saved   state

	mu      sync.Mutex
	failing error // of the last write of the state file; nil if it succeeded
	broken  error // sources that ended with an error
}

// Open builds a shipper: it takes the state file's lock and reads the state, and
// starts nothing. Records go to to, what is no record to dead; in is standard input. Whoever opens it closes it.
func Open(cfg Config, in io.Reader, to Sender, dead DeadLetters, m *Metrics, log *slog.Logger) (*Shipper, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Shipper{cfg: cfg, sources: map[string]source{}, saved: state{Paths: map[string]pathState{}}}
	s.outlet = &outlet{to: to, topic: cfg.Topic, dead: dead, room: semaphore.NewWeighted(inFlight), metrics: m, log: log}
	if err := s.openBook(); err != nil {
		return nil, err
	}
	for _, path := range cfg.Paths {
		if err := s.add(path, in); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// openBook takes the state file, unless no path can be resumed.
func (s *Shipper) openBook() (err error) {
	for _, path := range s.cfg.Paths {
		if info, err := os.Stat(path); path == Stdin || err == nil && isFIFO(info) {
			continue
		}
		s.book, s.saved, err = openCheckpoint(s.cfg.State)
		return err
	}
	return nil
}

func isFIFO(info os.FileInfo) bool { return info.Mode()&os.ModeNamedPipe != 0 }

// add builds the source of one path.
func (s *Shipper) add(path string, in io.Reader) error {
	if path == Stdin {
		s.sources[path] = &stdin{segment: segment{feed: feed{outlet: s.outlet, path: path}}, in: in}
		return nil
	}
	name, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		s.outlet.log.Info("not there yet: waiting for it", "path", name)
		s.sources[name] = s.follower(name)
	case err != nil:
		return fmt.Errorf("ship: %w", err)
	case isFIFO(info):
		s.sources[name] = &fifo{segment: segment{feed: feed{outlet: s.outlet, path: name}}, poll: s.cfg.Poll}
	default:
		return s.addRegular(name)
	}
	return nil
}

func (s *Shipper) addRegular(name string) error {
	file, info, err := openRegular(name)
	if err != nil {
		return fmt.Errorf("ship: %w", err)
	}
	defer file.Close()
	if !compressed(file) {
		s.sources[name] = s.follower(name)
		return nil
	}
	head, err := readHead(file, headBytes)
	s.sources[name] = newArchive(s.outlet, name, inodeOf(info), head, s.saved.Paths[name])
	return err
}

func (s *Shipper) follower(name string) *follower {
	f := newFollower(s.outlet, name, s.cfg.Poll)
	f.resume(s.saved.Paths[name], s.saved.Saved)
	f.look() // so that the first checkpoint names the file
	return f
}

// Close lets go of the state file.
func (s *Shipper) Close() error {
	if s.book == nil {
		return nil
	}
	return s.book.close()
}
