// Package offset keeps how far the records of a partition are finished.
//
// InFlight holds the offsets that an open flow or an unwritten label still needs; the
// lowest of them is the low watermark. A Checkpoint is what of that is committed: the
// low watermark as the offset, and in its metadata which offsets above it are needed.
// Store reads and writes checkpoints at the group's coordinator. Committer commits
// those of one generation, and never one that lies below what it has committed.
//
// An offset is committed only after everything below it is written: records are
// labelled at least once.
package offset
