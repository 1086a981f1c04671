// Package steer chooses which flows may wait for a slow stage while more come than it can
// answer.
//
// A Controller turns the delay in the slow stage's queue into a share: of the flows that
// are unsure enough to be deferred, how many may be. A Sketch knows how uncertain these
// flows have been of late, and turns the share into a Cut: a threshold of uncertainty above
// which that share of them lies. So the most uncertain flows keep their place.
package steer
