package brokers

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a text that is never shown. Printing it, or a value that holds it, gives
// "[set]", an empty text where there is no secret, or an address. The text is behind a
// pointer because fmt does not call the methods of unexported fields, nor of an
// argument with a wrong verb, and prints what they hold.
type Secret struct{ text *string }

// NewSecret returns a secret that holds text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal returns the text.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String returns "[set]", or an empty text where there is no secret.
func (s Secret) String() string {
	if s.text == nil {
		return ""
	}
	return "[set]"
}

// Format prints String for every verb; %x, for example, would print a text's bytes.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalText returns String, so that JSON and other encodings hide the text too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText sets the secret to text; settings from the environment use it.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}

// LogValue returns String, so that slog hides the text too.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
