package steer

import (
	"math"
	"time"
)

// Step is the time between two steps of a Controller.
const Step = 20 * time.Millisecond

const (
	// aim and calm are parts of the objective. Above the first a Controller makes the delay
	// fall; between them it keeps the delay from growing; below the second the slow stage
	// has time to spare, and the Controller relaxes, slowly. The aim leaves room up to
	// the objective, which is a 99th percentile.
	aim, calm = 0.4, 0.2

	// The delay is to fall by pull times its excess over the aim each second, and not
	// faster than drain, in seconds a second: to empty the queue at once, nearly all flows
	// would have to be kept from it.
	pull, drain = 2, 0.5
	// Where the delay falls less than that, or grows, the logarithm of the share falls each
	// second by follow times the difference; where it falls more, it rises. A share is
	// multiplied, and not subtracted from, because the queue then answers alike at twice
	// and at ten times what it can take. With pull = follow/4 the delay comes back without
	// swinging, in half a second.
	follow = 8
	// most is by how much a step changes the share: to one half, or twice. After a halt of
	// the process a queue says little about the load.
	most = math.Ln2

	// relax is how fast the logarithm of the share grows while there is time to spare: it
	// doubles in a second. A flow that is let through may come to the queue two seconds
	// later, with its last packet, so what is relaxed much faster is not yet seen.
	relax = math.Ln2

	// least is the smallest share. From there it takes eight seconds to relax.
	least = 1. / 256

	// smooth is the weight of the newest delay, because a queue is emptied by the batch.
	smooth = 0.3
)

// Controller says which share of the flows that would be deferred may be, so that the delay
// in the queue stays within an objective. It tightens within some tenths of a second and
// relaxes within seconds. It is for one goroutine, and depends on nothing but what Step is
// told.
type Controller struct {
	objective float64 // seconds
	delay     float64 // seconds, smoothed
	log       float64 // natural logarithm of the share, at most 0
}

// NewController builds a controller that allows everything. The objective is the 99th
// percentile of the delay.
func NewController(objective time.Duration) *Controller {
	return &Controller{objective: objective.Seconds()}
}

// Step is told, once every Step, how long a flow that is queued now will wait. It gives the
// share that may be deferred, from above 0 to 1.
func (c *Controller) Step(delay time.Duration) float64 {
	before := c.delay
	c.delay += smooth * (delay.Seconds() - c.delay)
	c.log = min(0, max(math.Log(least), c.log+c.change(c.delay-before)))
	return math.Exp(c.log)
}

// Reset allows everything again.
func (c *Controller) Reset() { c.delay, c.log = 0, 0 }

// change is what the logarithm of the share changes by in a step in which the delay has
// grown by so many seconds.
func (c *Controller) change(growth float64) float64 {
	step := Step.Seconds()
	if c.delay < calm*c.objective {
		return relax * step
	}
	fall := min(drain, pull*max(0, c.delay-aim*c.objective)) // that is wanted
	return -max(-most, min(most, follow*(growth+fall*step)))
}
