package gbdt

import (
	"fmt"
	"strconv"
)

// fileError says where in the model file something is wrong, what it is, and what to do.
type fileError struct {
	line   int
	where  string // section
	what   string
	remedy string
}

func (e *fileError) Error() string {
	return fmt.Sprintf("line %d: %s: %s; %s", e.line, e.where, e.what, e.remedy)
}

// damaged is the error for text that LightGBM would not have written.
func damaged(line int, where, format string, args ...any) error {
	return &fileError{line, where, fmt.Sprintf(format, args...), saveAgain}
}

// quote makes text from the file fit on one line.
func quote(text string) string {
	const most = 40
	if len(text) > most {
		return strconv.Quote(text[:most]) + "..."
	}
	return strconv.Quote(text)
}
