package brokers

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a text that is never shown: every way to print it, or what it is a part
// of, gives "[set]", nothing where it is empty, or an address. The text lies behind
// a pointer because fmt looks into fields that are not exported, and into what it is
// given with a wrong verb, without asking for their methods.
type Secret struct{ text *string }

// NewSecret hides a text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal is the text.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String tells whether there is a secret.
func (s Secret) String() string {
	if s.text == nil {
		return ""
	}
	return "[set]"
}

// Format is for all verbs, those that take a text's bytes apart too.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalText is for JSON and other encodings.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes the text as it is: the way in, for the environment.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}

// LogValue is for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
