package cascade

import (
	"context"
	"hash/maphash"
	"math"
	"sync/atomic"
	"time"

	"github.com/serveflow/serveflow/cascade/answer"
	"github.com/serveflow/serveflow/cascade/steer"
	"github.com/serveflow/serveflow/flow"
)

// settle is how long no flow is kept back after labels were late anyway: catching up leaves
// the queue full, which is no sign of load.
const settle = time.Second

// steering keeps flows from the slow stage while more are deferred than it can answer, the
// least uncertain first. They get the answer that they have, as Degraded.
//
// A flow is looked at when it would be deferred, so that it does not wait for packets in
// vain, and again when it comes to the queue: its packets may have taken seconds, in
// which more load came.
type steering struct {
	stage   *Stage // the one before the slow one
	slow    *slowStage
	metrics *Metrics
	seed    maphash.Seed
	sketch  steer.Sketch
	cut     atomic.Uint64 // the bits of the steer.Cut that is applied
	shown   atomic.Bool   // the gauges are this one's: new flows begin with its cascade

	// Of run alone.
	controller *steer.Controller
	caughtUp   time.Time // when labels were last late anyway
}

// newSteering gives nil where load must not change a label, no stage answers before the
// slow one, or a full queue is enough: that of a shadow, whose thresholds are to be compared.
func newSteering(spec *Spec, cfg Config, slow *slowStage, m *Metrics) *steering {
	before := slow.place - 1
	if before < 0 || cfg.Shadow || cfg.HoldBack || cfg.Deterministic {
		return nil
	}
	m.objective.WithLabelValues().Set(cfg.longest().Seconds())
	return &steering{stage: &spec.Stages[before], slow: slow, metrics: m, seed: maphash.MakeSeed(),
		controller: steer.NewController(cfg.longest())}
}

// run follows the queue until ctx is done.
func (s *steering) run(ctx context.Context) {
	ticks := time.NewTicker(steer.Step)
	defer ticks.Stop()
	for ctx.Err() == nil {
		s.step(time.Now())
		select {
		case <-ticks.C:
		case <-ctx.Done():
		}
	}
}

func (s *steering) step(now time.Time) {
	share := 1.
	if s.slow.catchingUp() {
		s.caughtUp = now
	}
	if now.Sub(s.caughtUp) < settle {
		s.controller.Reset()
	} else {
		share = s.controller.Step(s.slow.expectedWait())
	}
	s.sketch.Fold(steer.Step)
	cut := s.sketch.Cut(share)
	s.cut.Store(math.Float64bits(float64(cut)))
	if s.shown.Load() {
		s.metrics.steers(s.stage, share, cut.Threshold(0, 0))
	}
}

// applied is what a flow with this answer is held against now: the stage's threshold, or
// a higher one. It reports whether the flow is kept back.
func (s *steering) applied(a *answer.Answer, uid string, gap bool) (threshold float64, keptBack bool) {
	cut := steer.Cut(math.Float64frombits(s.cut.Load()))
	if cut == 0 {
		return 0, false
	}
	u := s.stage.uncertainty(a, gap)
	draw := float64(maphash.String(s.seed, uid)>>11) / (1 << 53)
	threshold = max(s.stage.threshold(a), cut.Threshold(u, draw))
	return threshold, u <= threshold
}

// observe counts a flow that would be deferred to the slow stage.
func (s *steering) observe(a *answer.Answer, gap bool) {
	s.sketch.Observe(s.stage.uncertainty(a, gap))
}

// label emits the stage's label for a flow that is kept back, with the threshold that was
// applied.
func (s *steering) label(ctx context.Context, v Verdict, answer []float64, threshold float64) {
	as := *s.stage
	as.Threshold, as.Thresholds = threshold, nil
	s.metrics.keptBack(as.Name)
	s.slow.emitter.fallback(ctx, v, answer, &as, Degraded)
}

// atTheDoor gives a job its label, if it is kept back, and reports whether it is.
func (s *steering) atTheDoor(ctx context.Context, j *job) bool {
	if s == nil || j.by != s.stage {
		return false
	}
	a := answer.Rank(j.answer)
	threshold, keptBack := s.applied(&a, j.verdict.UID, j.verdict.Gap)
	if keptBack {
		s.label(ctx, j.verdict, j.answer, threshold)
	}
	return keptBack
}

// keptBack gives a flow that the stage is unsure of its label, if it is kept back, and
// reports whether it is.
func (d *decider) keptBack(ctx context.Context, f *flow.Flow, at *flow.Cursor, s *Stage) bool {
	if d.last(at) || !asked(at) {
		return false
	}
	slow := d.cascade.slow[at.Stage+1]
	if slow == nil || slow.steering == nil {
		return false
	}
	by := slow.steering
	gap := f.Missing(packets(at, s))
	if f.Conn() != nil { // as its verdict says
		_, gap = f.Counted()
	}
	by.observe(&d.answer, gap)
	threshold, keptBack := by.applied(&d.answer, f.UID, gap)
	if keptBack {
		by.label(ctx, d.final(f, at, s, Degraded), d.answer.P, threshold)
	}
	return keptBack
}
