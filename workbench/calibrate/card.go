package calibrate

import (
	"bytes"
	"maps"
	"slices"
)

// Added is what a calibrated bundle has besides.
type Added struct {
	Files map[string][]byte
	Note  string // for the model card, if the bundle has one: Markdown, lines that end
}

// with are the files, and the model card with the note.
func (a Added) with(name string, card []byte) map[string][]byte {
	if card == nil || a.Note == "" {
		return a.Files
	}
	all := map[string][]byte{name: noted(card, a.Note)}
	maps.Copy(all, a.Files)
	return all
}

// noted puts a note into a model card, behind its title: what follows is of the bundle as it was.
func noted(card []byte, note string) []byte {
	title := 0
	if bytes.HasPrefix(card, []byte("# ")) {
		title = len(card)
		if end := bytes.IndexByte(card, '\n'); end >= 0 {
			title = end + 1
		}
	}
	return slices.Concat(card[:title], []byte("\n"+note+"\n"), bytes.TrimPrefix(card[title:], []byte("\n")))
}
