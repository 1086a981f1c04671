// Package cascade decides flows: a fast model for most, a slower one only for
// those that the fast one is unsure of.
//
// # How a flow is decided
//
// A bundle (Spec) has stages, each with a model and the number of packets that it looks
// at (its depth). Each partition's goroutine has a Decider, and calls Decide for a flow
// that has the packets it waits for, or that gets no more. For each stage in turn:
//
//  1. If the flow has fewer packets than the stage's depth and may still get more,
//     Decide returns false. The flow's cursor says how many packets it waits for.
//  2. The stage's features go through its model, and the scores are calibrated into
//     probabilities. A Measure turns these into an uncertainty from 0 to 1.
//  3. If the uncertainty is at most the stage's threshold, the verdict is final.
//     Otherwise the flow is deferred to the next stage.
//
// A stage may look at any number of packets from its depth to its maximum; then it is asked
// again at each. It may say that a flow is of no class (Novelty), and how long its answer waits
// for the next packet (Patience), or that none will come (Hazard). A Family of classes may be
// enough for a final verdict. All of this looks at the flow's packets one by one, so a verdict
// does not depend on how they arrive.
//
// The last stage always answers. If it is slow, the flow is copied into a job, the job
// waits in a queue, and workers put the queued jobs to the model in batches. The
// partition's goroutine goes on with other flows meanwhile.
//
// # Where the slow stage cannot answer
//
// Then the flow gets the label of the last fast stage that answered, and Reason says
// why: degraded if the queue is full or the model fails on this flow, breaker if the
// circuit breaker is not closed. A flow that no earlier stage answered waits instead.
// It goes without a label, and is counted, only when every model failed on it.
//
// Each final verdict carries the flow's Acker, which is told when the label is written.
// When the cascade is stopped, or the context of Decide is done, the Ackers of flows
// without a label are not told. Whoever reads the partition next labels these flows.
package cascade
