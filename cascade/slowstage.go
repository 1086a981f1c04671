package cascade

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/serveflow/serveflow/cascade/answer"
	"github.com/serveflow/serveflow/flow"
)

// slowStage is a stage whose flows wait in a queue, and whose model is called with
// batches of them by workers of its own, behind a circuit breaker.
type slowStage struct {
	stage   *Stage
	place   int // of the stage in its Spec
	spec    *Spec
	classes int
	cfg     Config
	metrics *Metrics
	emitter *emitter

	handOn func(context.Context, *job) // to the stage behind this one; nil for the last stage

	steering    *steering // nil if load must not change a label
	queue       chan *job
	users       *users         // each job is one of them
	calls       sync.WaitGroup // of the model, that have not returned, and what waits for those given up
	jobs        *sync.Pool     // the cascade's, of *job
	breaker     breaker
	serviceTime atomic.Int64  // for one flow, nanoseconds, a moving average
	parked      atomic.Int64  // flows that wait for the breaker to close
	stopped     chan struct{} // closed when run has ended
}

// job is a flow on its way through the slow stage.
type job struct {
	verdict    Verdict // all but the answer
	row        []float32
	behind     [][]float32 // rows for the stages behind this one
	cause      flow.Cause  // why the flow gets no more packets, though the stage would look at them
	answer     []float64   // what an earlier stage said ...
	by         *Stage      // ... and which; nil if none did
	retryAlone bool        // it was in a batch that timed out
	queued     time.Time
}

func newSlowStage(spec *Spec, place int, cfg Config, m *Metrics, e *emitter) *slowStage {
	slow := &slowStage{stage: &spec.Stages[place], place: place, spec: spec, classes: len(spec.Classes), cfg: cfg, metrics: m, emitter: e,
		queue: make(chan *job, cfg.Queue), stopped: make(chan struct{})}
	m.begin(slow.stage.Name)
	slow.breaker.maxAbandoned = cfg.Workers + spareCalls
	return slow
}

// enqueue queues a job. If there is no room, or the breaker is not closed, the label of
// an earlier stage goes out instead.
//
// If no earlier stage answered, load must not change a label, or labels are late anyway,
// enqueue waits for room. It never does for a shadow, nor for one of several tasks whose model
// hangs: a flow without an earlier answer then goes without a label.
func (s *slowStage) enqueue(ctx context.Context, j *job) {
	j.queued = time.Now()
	s.users.add()
	if s.cfg.Deterministic || j.by == nil && !s.cfg.Shadow && !s.cfg.Shared {
		s.waitForRoom(ctx, j)
		return
	}
	if j.by == nil && s.cfg.Shared {
		s.waitApart(ctx, j)
		return
	}
	if s.breaker.rejecting.Load() {
		s.breaker.keepSample(j.row)
		s.fallback(ctx, j, Breaker)
		return
	}
	if s.cfg.HoldBack || s.catchingUp() {
		s.waitForRoom(ctx, j)
		return
	}
	if s.steering.atTheDoor(ctx, j) {
		s.done(j)
		return
	}
	if s.expectedWait() > s.cfg.longest() { // also within a step of steering, in which hundreds can come
		s.fallback(ctx, j, Degraded)
		return
	}
	select {
	case s.queue <- j:
	default:
		s.fallback(ctx, j, Degraded)
	}
}

// catchingUp reports whether labels are late anyway, and get no later.
func (s *slowStage) catchingUp() bool { return s.cfg.CatchingUp != nil && s.cfg.CatchingUp() }

// waitForRoom queues a job once there is room. When ctx is done or the workers have stopped,
// it drops the job without telling its Acker, so the flow keeps its place in the log.
func (s *slowStage) waitForRoom(ctx context.Context, j *job) { s.waitUntil(ctx, j, nil) }

// waitUntil is waitForRoom, but reports false, with the job still in hand, when over comes first.
func (s *slowStage) waitUntil(ctx context.Context, j *job, over <-chan time.Time) bool {
	select {
	case s.queue <- j: // also at a stop, for what a stage in front hands on
		return true
	default:
	}
	select {
	case s.queue <- j:
	case <-over:
		return false
	case <-ctx.Done():
		s.users.leave(1)
	case <-s.stopped:
		s.users.leave(1)
	}
	return true
}

// waitApart queues a job that has no answer yet, beside other tasks. It waits for room as
// waitForRoom does, but only while load must not change a label, or labels are late anyway, and
// the model answers: looked at again, because the breaker may open meanwhile.
func (s *slowStage) waitApart(ctx context.Context, j *job) {
	for !s.breaker.rejecting.Load() && (s.cfg.HoldBack || s.catchingUp()) {
		if s.waitUntil(ctx, j, time.After(apartPause)) {
			return
		}
	}
	select {
	case s.queue <- j:
	default:
		s.fallback(ctx, j, Degraded)
	}
}

// apartPause is the time between two looks at whether a full queue has room.
const apartPause = 10 * time.Millisecond

// expectedWait is how long a job that is queued now will wait.
func (s *slowStage) expectedWait() time.Duration {
	return time.Duration(s.serviceTime.Load()) * time.Duration(len(s.queue)/s.cfg.Workers)
}

// run runs the workers, and what steers the load, until ctx is done and the queue is empty.
func (s *slowStage) run(ctx context.Context) error {
	defer close(s.stopped)
	var workers errgroup.Group
	for range s.cfg.Workers {
		workers.Go(func() error {
			w := newWorker(s)
			for w.step(ctx) {
			}
			return nil
		})
	}
	if s.steering != nil {
		workers.Go(func() error { s.steering.run(ctx); return nil })
	}
	return workers.Wait()
}

// verdict emits the stage's answer for a job, which is then used again. If the stage is too
// unsure, and not the last, the stage behind it gets the job.
func (s *slowStage) verdict(ctx context.Context, j *job, a *answer.Answer) {
	s.emitter.answered(s.spec, s.place, j.verdict.UID, j.row, a)
	reason := s.spec.settled(s.place, a, j.verdict.Gap, false)
	if reason == "" {
		j.answer, j.by = append(j.answer[:0], a.P...), s.stage
		s.deferJob(ctx, j)
		return
	}
	j.verdict.setReason(reason, j.cause)
	s.emitter.verdict(ctx, j.verdict, a, s.stage)
	s.done(j)
}

// fallback is for a job that the stage gives no answer for: the stage behind it gets the job, or
// an earlier answer is emitted, and the job is then used again.
func (s *slowStage) fallback(ctx context.Context, j *job, why Reason) {
	if s.handOn != nil {
		s.deferJob(ctx, j)
		return
	}
	s.emitter.fallback(ctx, j.verdict, j.answer, j.by, why)
	s.done(j)
}

// deferJob gives a job to the stage behind.
func (s *slowStage) deferJob(ctx context.Context, j *job) {
	s.metrics.deferred(s.stage.Name)
	s.handOn(ctx, j)
	s.users.leave(1) // after the stage behind has added its own
}

// done lets go of a job whose flow needs nothing any more.
func (s *slowStage) done(j *job) {
	s.jobs.Put(j)
	s.users.leave(1)
}

// predict calls the model for n rows and calibrates its scores into out. The model may
// give numbers that are no probabilities for one row only: that row begins with NaN.
func (s *slowStage) predict(rows []float32, n int, out []float64) error {
	if err := s.stage.Model.Predict(rows, n, out); err != nil {
		return err
	}
	for i := range n {
		row := out[i*s.classes : (i+1)*s.classes]
		if s.stage.Output.calibrate(row, s.stage.Temperature) != nil {
			row[0] = math.NaN()
		}
	}
	return nil
}

// tookBatch records how long the model took for n flows, and gives the share of one. The
// service time follows the last dozen batches.
func (s *slowStage) tookBatch(n int, took time.Duration) time.Duration {
	share := took / time.Duration(n)
	s.metrics.batched(s.stage.Name, n, took)
	if took <= s.cfg.Timeout { // otherwise the process itself was halted
		average := s.serviceTime.Load()
		s.serviceTime.Store(average + (int64(share)-average)/8)
	}
	return share
}

// addParked adds n to the number of flows that wait for the breaker to close.
func (s *slowStage) addParked(n int) {
	s.parked.Add(int64(n))
	s.metrics.parked.WithLabelValues(s.stage.Name).Add(float64(n))
}
