// Package partition reads one partition of the input topic for one generation of the
// group.
//
// A Partition connects to the leader, resumes at the committed checkpoint, and hands
// each record to its Handler in order. What cannot be read or decoded goes to the dead
// letters. After each fetch it tells the committer how far it is done. When its
// generation ends, it waits for labels under way and then lets go: what is still open is
// left to whoever reads the partition next.
package partition
