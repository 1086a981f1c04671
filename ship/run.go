package ship

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Run ships until ctx is done, or until every source has ended; a file that is
// followed never does. Then it waits until everything is written, after ctx at
// most for DrainTimeout, and saves the state.
//
// An error tells of archives or streams that could not be read to their end, or
// of what a stop took from streams, which cannot be resumed.
func (s *Shipper) Run(ctx context.Context) error {
	hard, kill := context.WithCancel(context.Background())
	defer kill()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(s.cfg.DrainTimeout, kill) })()

	keeping, stop := context.WithCancel(context.Background())
	var keeper sync.WaitGroup
	keeper.Go(func() {
		for ; keeping.Err() == nil; pause(keeping, s.cfg.Checkpoint) {
			s.save()
		}
	})
	var reading sync.WaitGroup
	for name, source := range s.sources {
		reading.Go(func() {
			if err := source.run(ctx, hard); err != nil {
				s.outlet.log.Error("cannot be read to its end", "path", name, "err", err)
				s.fail(err)
			}
		})
	}
	reading.Wait()
	drained := s.outlet.room.Acquire(hard, inFlight) // there is all the room again once everything is acknowledged
	stop()
	keeper.Wait()
	s.save()
	return errors.Join(s.broken, s.left(drained))
}

// left tells what a stop leaves unwritten. What can be resumed is written at the
// next start.
func (s *Shipper) left(drained error) error {
	if drained == nil {
		return s.failing
	}
	s.outlet.log.Warn("stopped before everything was written: raise SERVEFLOW_DRAIN_TIMEOUT, or look at the brokers; files go on there at the next start")
	for name, source := range s.sources {
		if len(source.state().Files) == 0 {
			if _, follows := source.(*follower); !follows {
				return fmt.Errorf("ship: stopped before everything from %s was written: it cannot be read again", name)
			}
		}
	}
	return nil
}

func (s *Shipper) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = errors.Join(s.broken, err)
}

// save writes the state, if it is another than the one written last.
func (s *Shipper) save() {
	now := state{Version: stateVersion, Saved: time.Now(), Paths: maps.Clone(s.saved.Paths)}
	changed := false
	for name, source := range s.sources {
		st := source.state()
		if len(st.Files) == 0 && st.CaughtUp.IsZero() {
			continue // a stream: it cannot be resumed
		}
		last, known := s.saved.Paths[name]
		changed = changed || !known || !slices.Equal(st.Files, last.Files)
		now.Paths[name] = st
	}
	if s.book == nil || !changed {
		return
	}
	err := s.book.save(now)
	if err == nil {
		s.saved = now
	} else {
		s.outlet.metrics.failures.Inc()
		s.outlet.log.Error("checkpoint failed, will try again", "err", err)
	}
	s.mu.Lock()
	s.failing = err
	s.mu.Unlock()
}

// Ready says in words why records may not flow; nil if they do.
func (s *Shipper) Ready() error {
	s.mu.Lock()
	all := []error{s.failing, s.broken}
	s.mu.Unlock()
	for _, source := range s.sources {
		all = append(all, source.ready())
	}
	return errors.Join(all...)
}
