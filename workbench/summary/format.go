package summary

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/serveflow/serveflow/workbench/judge"
)

// fraction is a figure from 0 to 1 with its interval.
func fraction(f judge.Figure) string {
	return fmt.Sprintf("%.4f [%.4f, %.4f]", f.Value, f.Low, f.High)
}

// short3 is a fraction with three places.
func short3(f judge.Figure) string { return fmt.Sprintf("%.3f [%.3f, %.3f]", f.Value, f.Low, f.High) }

// percent is a share with its interval.
func percent(f judge.Figure) string {
	return fmt.Sprintf("%.1f%% [%.1f, %.1f]", 100*f.Value, 100*f.Low, 100*f.High)
}

// shares is a share that stands last on its line.
func shares(f judge.Figure) string {
	return fmt.Sprintf("%.1f%% [%.1f, %.1f]", 100*f.Value, 100*f.Low, 100*f.High)
}

// wait is a time in milliseconds, or in seconds where it is long.
func wait(ms float64) string {
	switch {
	case ms >= 10_000:
		return fmt.Sprintf("%.0f s", ms/1000)
	case ms >= 1000:
		return fmt.Sprintf("%.1f s", ms/1000)
	case ms >= 100 || ms == 0:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.1f ms", ms)
}

// span is a time with its interval.
func span(f judge.Figure) string {
	return fmt.Sprintf("%s [%s, %s]", wait(f.Value), strings.ReplaceAll(wait(f.Low), " ", ""), strings.ReplaceAll(wait(f.High), " ", ""))
}

// micros is a time in microseconds, or in milliseconds where it is long.
func micros(us float64) string {
	switch {
	case us >= 10_000:
		return fmt.Sprintf("%.1f ms", us/1000)
	case us >= 100:
		return fmt.Sprintf("%.0f us", us)
	}
	return fmt.Sprintf("%.1f us", us)
}

// thousands writes a number with commas.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return thousands(n) + " " + noun + "s"
}

// short cuts a name to so many characters.
func short(name string, most int) string {
	if utf8.RuneCountInString(name) <= most {
		return name
	}
	return string([]rune(name)[:most-1]) + "…"
}

// bar is a share drawn by characters, at most so many.
func bar(share float64, most int) string {
	eighths := int(share*float64(8*most) + .5)
	text := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		text += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return text
}
