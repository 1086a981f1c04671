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

// Run ships until ctx is done, or until every source has ended; a file that is followed never
// ends. Then it waits until everything is acknowledged, after ctx for at most DrainTimeout, and
// saves the state.
//
// It returns an error where an archive or a stream could not be read to its end, or where a stop
// loses a part of a stream, which cannot be read again.
func (s *Shipper) Run(ctx context.Context) error {
	drain, stopDraining := context.WithCancel(context.Background())
	defer stopDraining()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(s.cfg.DrainTimeout, stopDraining) })()

	saving, stopSaving := context.WithCancel(context.Background())
	var saver sync.WaitGroup
	saver.Go(func() {
		for ; saving.Err() == nil; pause(saving, s.cfg.Checkpoint) {
			s.save()
		}
	})
	var sources sync.WaitGroup
	for name, source := range s.sources {
		sources.Go(func() {
			if err := source.run(ctx, drain); err != nil {
				s.out.log.Error("cannot be read to its end", "path", name, "err", err)
				s.fail(err)
			}
		})
	}
	sources.Wait()
	drained := s.out.budget.Acquire(drain, maxInFlightBytes) // the whole budget is free once everything is acknowledged
	stopSaving()
	saver.Wait()
	s.save()
	return errors.Join(s.sourceErrs, s.unwritten(drained))
}

// unwritten reports what a stop leaves unwritten. Files continue there at the next start; for a
// stream it returns an error.
func (s *Shipper) unwritten(drained error) error {
	if drained == nil {
		return s.saveErr
	}
	s.out.log.Warn("stopped before everything was written: raise SERVEFLOW_DRAIN_TIMEOUT, or look at the brokers; files go on there at the next start")
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
	s.sourceErrs = errors.Join(s.sourceErrs, err)
}

// save writes the state where it has changed.
func (s *Shipper) save() {
	now := state{Version: stateVersion, Saved: time.Now(), Paths: maps.Clone(s.saved.Paths)}
	changed := false
	for name, source := range s.sources {
		st := source.state()
		if len(st.Files) == 0 && st.CaughtUp.IsZero() {
			continue // a stream, which cannot be resumed
		}
		last, known := s.saved.Paths[name]
		changed = changed || !known || !slices.Equal(st.Files, last.Files)
		now.Paths[name] = st
	}
	if s.checkpoint == nil || !changed {
		return
	}
	err := s.checkpoint.save(now)
	if err == nil {
		s.saved = now
	} else {
		s.out.metrics.failures.Inc()
		s.out.log.Error("checkpoint failed, will try again", "err", err)
	}
	s.mu.Lock()
	s.saveErr = err
	s.mu.Unlock()
}

// Ready returns why records may not flow; nil where they flow.
func (s *Shipper) Ready() error {
	s.mu.Lock()
	all := []error{s.saveErr, s.sourceErrs}
	s.mu.Unlock()
	for _, source := range s.sources {
		all = append(all, source.ready())
	}
	return errors.Join(all...)
}
