// Package group keeps one member in its consumer group, over every rebalance.
//
// It uses kafka-go's ConsumerGroup and adds what that lacks when the network fails: the
// connection to the coordinator is made anew when it breaks, and a membership that was
// lost is given up at the coordinator, so that the others need not wait for its session
// to expire.
package group
