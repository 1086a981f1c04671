package flow

// Cause says why a flow wants a decision now.
type Cause uint8

const (
	// Reached: the flow has as many packets as its stage wants, without a hole.
	Reached Cause = iota
	// Ended: the flow is over, so no packet will follow.
	Ended
	// TimedOut: the next packet did not come in time.
	TimedOut
	// Evicted: memory is short, or too many records came while the flow was open.
	Evicted
)

// String names the cause as labels and metrics do.
func (c Cause) String() string {
	return [...]string{"reached", "flow_end", "timeout", "evicted"}[c]
}
