// Package delivery has the types by which the input follows a record to the output. They
// say who is told when the record is finished, and what a dead letter says of it.
package delivery

// Acker is told once that everything a record led to is safely written.
type Acker interface {
	Ack()
}

// DeadLetter is a record that could not be taken, or what is left of a batch that
// could not be read, with all that is needed to find it and mend it.
type DeadLetter struct {
	Value     []byte // the original bytes; of a batch as they lay in the log
	Cut       bool   // Value is only the beginning of the record
	Size      int    // bytes of the whole record where Value is cut; 0 where nobody knows
	Topic     string // where it was: a topic, or the path of a file
	Partition int
	Offset    int64  // of a file the byte
	Offsets   int64  // how many it spans, where it is a batch; else 0 or 1
	Reason    string // one of a small set, for counting
	Stage     string // where it was refused: fetch, decode or ship
	Err       error
	Acker     Acker // told when the dead letter is written
}

// Pinner holds the place of a record in the input until the Acker that it gives is told.
type Pinner interface {
	Pin(offset int64) Acker
}
