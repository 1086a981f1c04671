// Package nearest finds the known name that a mistyped one was meant to be.
package nearest

// To returns the name in known with the smallest edit distance to name, in bytes; the
// first of several; "" if known is empty.
func To(name string, known []string) string {
	best, least := "", -1
	for _, candidate := range known {
		if d := distance(name, candidate); least < 0 || d < least {
			best, least = candidate, d
		}
	}
	return best
}

// Like is To, but "" where more than two bytes, or a third of the name, would have to change.
func Like(name string, known []string) string {
	best := To(name, known)
	if distance(name, best) > max(2, len(name)/3) {
		return ""
	}
	return best
}

// distance returns the Levenshtein distance of two names, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
