// Package flow rebuilds flows from packet records, or takes them from conn.log,
// where one record is a whole flow.
//
// It is a pure state machine on record time: it starts no goroutine, takes no lock
// and reads no clock. The label of a flow depends on the flow's own records (see
// Rules) and not on when they arrived, as long as they arrive out of order by no
// more than Rules.Lateness.
//
// A Table holds the open flows of one partition and remembers the finished ones.
// Each sensor has a clock of its own there, which its records move (clock.go) and
// which ends the flows whose packets stop coming (timer.go).
package flow
