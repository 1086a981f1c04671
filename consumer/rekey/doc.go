// Package rekey merges the partitions of an un-keyed topic in record time, to write them
// again keyed by uid.
//
// A producer that does not key spreads a flow over all partitions. Readers of those
// partitions are apart by minutes when they catch up, and flow tables bear no such
// disorder. So the partitions of a member wait for each other: an aligner lets a record
// pass when no other partition lags behind it, and a tracker says for each partition
// which record time its next record has, even where a wild record lies among them.
package rekey
