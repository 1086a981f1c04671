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

// Sender sends messages. Send may block. Where ctx is done it returns without sending, and the
// message is not acknowledged.
type Sender interface {
	Send(ctx context.Context, m producer.Message)
}

// DeadLetters stores lines that are no records. Put may block. Where ctx is done it returns
// without storing, and the line is not acknowledged.
type DeadLetters interface {
	Put(ctx context.Context, l delivery.DeadLetter)
}

// source is one path that is read.
type source interface {
	// run reads until the source ends, fails or ctx is done. It sends what it has read until
	// drain is done.
	run(ctx, drain context.Context) error
	// state returns how far the source is acknowledged; without files where it cannot be
	// resumed.
	state() pathState
	// ready returns why the source cannot be read; nil while it can.
	ready() error
}

// Shipper writes the lines of several paths to Kafka.
type Shipper struct {
	cfg        Config
	out        *output
	sources    map[string]source // by absolute path
	lanes      []*lane           // of each path; nil where there is one path
	checkpoint *checkpoint       // nil where no path can be resumed
	saved      state

	mu         sync.Mutex
	saveErr    error // the error of the last write of the state file
	sourceErrs error // the errors of sources that have ended
}

// Open builds a shipper. It takes the state file's lock and reads the state, but starts
// nothing. Records go to to, lines that are no records to dead; in is standard input. The
// caller closes the shipper.
func Open(cfg Config, in io.Reader, to Sender, dead DeadLetters, m *Metrics, log *slog.Logger) (*Shipper, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Shipper{cfg: cfg, sources: map[string]source{}, saved: state{Paths: map[string]pathState{}}}
	s.out = &output{sender: to, topic: cfg.Topic, deadLetters: dead, budget: semaphore.NewWeighted(maxInFlightBytes), metrics: m, log: log, state: cfg.State}
	if err := s.openCheckpoint(); err != nil {
		return nil, err
	}
	if len(cfg.Paths) > 1 {
		s.lanes = newLanes(s.out, cfg.Paths, cfg.Lateness)
	}
	for i, path := range cfg.Paths {
		var l *lane
		if s.lanes != nil {
			l = s.lanes[i]
		}
		if err := s.add(path, in, l); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// openCheckpoint opens the state file, unless no path can be resumed.
func (s *Shipper) openCheckpoint() (err error) {
	for _, path := range s.cfg.Paths {
		if info, err := os.Stat(path); path == Stdin || err == nil && isFIFO(info) {
			continue
		}
		s.checkpoint, s.saved, err = openCheckpoint(s.cfg.State)
		return err
	}
	return nil
}

func isFIFO(info os.FileInfo) bool { return info.Mode()&os.ModeNamedPipe != 0 }

// add builds the source of one path. Streams are merged with nothing: a writer may be silent for
// any time while it has something to write.
func (s *Shipper) add(path string, in io.Reader, l *lane) error {
	if path == Stdin {
		l.leave()
		s.sources[path] = &stdin{segment: newSegment(s.out, path, nil), in: in}
		return nil
	}
	name, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		s.out.log.Info("not there yet: waiting for it", "path", name)
		s.sources[name] = s.follower(name, l)
	case err != nil:
		return fmt.Errorf("ship: %w", err)
	case isFIFO(info):
		l.leave()
		s.sources[name] = &fifo{segment: newSegment(s.out, name, nil), poll: s.cfg.Poll}
	default:
		return s.addRegular(name, l)
	}
	return nil
}

func (s *Shipper) addRegular(name string, l *lane) error {
	file, info, err := openRegular(name)
	if err != nil {
		return fmt.Errorf("ship: %w", err)
	}
	defer file.Close()
	if why := noLog(file); why != "" {
		return fmt.Errorf("ship: %s: %s", name, why)
	}
	if !compressed(file) {
		s.sources[name] = s.follower(name, l)
		return nil
	}
	a := newArchive(newSegment(s.out, name, l), s.cfg.Poll)
	s.sources[name] = a
	return a.resume(file, info, s.saved.Paths[name])
}

func (s *Shipper) follower(name string, l *lane) *follower {
	f := newFollower(s.out, name, s.cfg.Poll, l)
	for _, path := range s.cfg.Paths {
		if other, err := filepath.Abs(path); err == nil && path != Stdin {
			f.named = append(f.named, other)
		}
	}
	f.resume(s.saved.Paths[name], s.saved.Saved)
	f.checkPath() // so that the first checkpoint has the file
	return f
}

// Close releases the state file.
func (s *Shipper) Close() error {
	if s.checkpoint == nil {
		return nil
	}
	return s.checkpoint.close()
}
