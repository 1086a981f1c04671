// Package words writes numbers of figures for people.
package words

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/serveflow/serveflow/workbench/judge"
)

// Fraction is a figure from 0 to 1 with its interval.
func Fraction(f judge.Figure) string {
	return fmt.Sprintf("%.4f [%.4f, %.4f]", f.Value, f.Low, f.High)
}

// Fraction3 is a fraction with three places.
func Fraction3(f judge.Figure) string {
	return fmt.Sprintf("%.3f [%.3f, %.3f]", f.Value, f.Low, f.High)
}

// Percent is a share with its interval.
func Percent(f judge.Figure) string {
	return fmt.Sprintf("%.1f%% [%.1f, %.1f]", 100*f.Value, 100*f.Low, 100*f.High)
}

// Wait is a time in milliseconds, or in seconds where it is long.
func Wait(ms float64) string {
	switch {
	case ms >= 10_000:
		return fmt.Sprintf("%.0f s", ms/1000)
	case ms >= 1000:
		return fmt.Sprintf("%.1f s", ms/1000)
	case ms >= 100 || ms == math.Trunc(ms):
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.1f ms", ms)
}

// Span is a time with its interval, in milliseconds, or all of it in seconds where the time is long.
func Span(f judge.Figure) string {
	if f.Value < 1000 {
		return fmt.Sprintf("%s [%.0f, %.0f]", Wait(f.Value), f.Low, f.High)
	}
	return fmt.Sprintf("%s [%.1f, %.1f]", Wait(f.Value), f.Low/1000, f.High/1000)
}

// Micros is a time in microseconds, or in milliseconds where it is long.
func Micros(us float64) string {
	switch {
	case us >= 10_000:
		return fmt.Sprintf("%.1f ms", us/1000)
	case us >= 100:
		return fmt.Sprintf("%.0f us", us)
	}
	return fmt.Sprintf("%.1f us", us)
}

// Thousands writes a number with commas.
func Thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Counted is a number and its noun, with an s where the number is not 1.
func Counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Thousands(n) + " " + noun + "s"
}

// Short cuts a name to so many characters.
func Short(name string, most int) string {
	if utf8.RuneCountInString(name) <= most {
		return name
	}
	return string([]rune(name)[:most-1]) + "…"
}

// Bar is a share drawn by characters, at most so many.
func Bar(share float64, most int) string {
	eighths := int(share*float64(8*most) + .5)
	text := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		text += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return text
}
