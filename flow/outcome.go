package flow

// Outcome says what became of one record. Every record has exactly one.
type Outcome uint8

const (
	// Opened: the first record that came of a flow.
	Opened Outcome = iota
	// Added to an open flow.
	Added
	// Duplicate of a packet that has come already.
	Duplicate
	// Beyond the depth: no decision looks at it.
	Beyond
	// Late: the flow is finished; for conn.log, the record has come before.
	Late
	// EndRecord: the end record of an open flow.
	EndRecord
	// EndUnopened: an end record that no packet record came before.
	EndUnopened
	// Foreign: a record of another log, or of the kind that makes no flows here.
	Foreign
)

// Outcomes holds the name of each Outcome, indexed by its value, as metrics have it.
var Outcomes = [...]string{"opened", "added", "duplicate", "beyond", "late", "end", "end_unopened", "foreign"}
