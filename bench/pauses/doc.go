// Package pauses is the bench of what a steady load adds to a label's compute. It also tells how much memory open
// flows take. `make bench-pauses` runs it.
package pauses
