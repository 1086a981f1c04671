// Package page draws a cascade's figures as one HTML file.
package page

import (
	"io"

	"github.com/serveflow/serveflow/workbench/judge"
)

// Write writes the page.
func Write(w io.Writer, e *judge.Evaluation) error { return nil }
