package cascade

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// job is a flow on its way through the slow stage.
type job struct {
	verdict Verdict // all but the answer
	row     []float32
	answer  []float64 // what an earlier stage said ...
	by      *Stage    // ... and which; nil where none did
}

// hand queues a job. A full queue lets the earlier answer go out instead, unless
// there is none or the cascade is patient.
func (c *Cascade) hand(j *job) {
	if c.cfg.Patient || j.by == nil {
		c.queue <- j
		return
	}
	select {
	case c.queue <- j:
	default:
		c.degrade(j)
		c.jobs.Put(j)
	}
}

// Run works on the slow stage's queue until ctx is done; what is queued then is
// finished first. Without a slow stage it just waits.
func (c *Cascade) Run(ctx context.Context) error {
	var workers errgroup.Group
	for range c.cfg.Workers {
		workers.Go(func() error {
			newSlow(c).run(ctx)
			return nil
		})
	}
	return workers.Wait()
}

// slow is one worker of the slow stage with its buffers.
type slow struct {
	*Cascade
	stage *Stage
	jobs  []*job
	rows  []float32
	out   []float64
}

func newSlow(c *Cascade) *slow {
	return &slow{Cascade: c, stage: &c.spec.Stages[len(c.spec.Stages)-1]}
}

func (w *slow) run(ctx context.Context) {
	for {
		select {
		case j := <-w.queue:
			w.serve(j)
		case <-ctx.Done():
			select {
			case j := <-w.queue:
				w.serve(j)
			default:
				return
			}
		}
	}
}

// serve takes what else is queued, without waiting for more, and answers it.
func (w *slow) serve(first *job) {
	w.jobs = append(w.jobs[:0], first)
	for len(w.jobs) < w.cfg.Batch {
		select {
		case j := <-w.queue:
			w.jobs = append(w.jobs, j)
			continue
		default:
		}
		break
	}
	if !w.answer(w.jobs) {
		for _, j := range w.jobs { // one bad row must not cost the others their answer
			if !w.answer([]*job{j}) {
				w.degrade(j)
			}
		}
	}
	for _, j := range w.jobs {
		w.Cascade.jobs.Put(j)
	}
}

// answer runs the model over the jobs and emits their verdicts; false, with
// nothing emitted, if the model fails.
func (w *slow) answer(jobs []*job) bool {
	began := time.Now()
	w.rows = w.rows[:0]
	for _, j := range jobs {
		w.rows = append(w.rows, j.row...)
	}
	classes := len(w.spec.Classes)
	w.out = resize(w.out, len(jobs)*classes)
	if err := w.predict(w.rows, len(jobs), w.out); err != nil {
		w.metrics.failed(w.stage.Name, len(jobs), err)
		return false
	}
	spent := time.Since(began)
	w.metrics.batched(w.stage.Name, len(jobs), spent)
	for i, j := range jobs {
		p := w.out[i*classes : (i+1)*classes]
		if len(jobs) > 1 && tied(p) && w.predict(j.row, 1, p) != nil {
			w.degrade(j)
			continue
		}
		j.verdict.Computed += spent / time.Duration(len(jobs))
		w.finish(j.verdict, p, w.stage)
	}
	return true
}

// predict runs the model and calibrates its answers.
func (w *slow) predict(rows []float32, n int, out []float64) error {
	if err := w.stage.Model.Predict(rows, n, out); err != nil {
		return err
	}
	classes := len(out) / n
	for i := range n {
		Calibrate(out[i*classes:(i+1)*classes], w.stage.Output, w.stage.Temperature)
	}
	return nil
}

// tied reports whether the two best are so close that the last bits, which may
// differ between a batch and a single row, could choose between them. The single
// row then decides, so that a label never depends on what else was queued.
func tied(p []float64) bool {
	first, second := bestTwo(p)
	return first-second < 1e-5
}
