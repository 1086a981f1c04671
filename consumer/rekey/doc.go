// Package rekey merges the partitions of an un-keyed topic in record time, to write them
// again keyed by uid.
//
// A producer that does not key spreads a flow over all partitions, and readers of those
// partitions are apart by minutes when they catch up.
package rekey
