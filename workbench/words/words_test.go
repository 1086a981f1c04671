package words

import (
	"testing"

	"github.com/serveflow/serveflow/workbench/judge"
)

func TestWords(t *testing.T) {
	f := judge.Figure{Value: .12345, Low: .1, High: .2}
	for want, got := range map[string]string{
		"0.1235 [0.1000, 0.2000]": Fraction(f), "0.123 [0.100, 0.200]": Fraction3(f), "12.3% [10.0, 20.0]": Percent(f),
		"0 ms": Wait(0), "13.1 ms": Wait(13.14), "287 ms": Wait(287.4), "2.5 s": Wait(2518), "49 s": Wait(49_000),
		"287 ms [181, 520]": Span(judge.Figure{Value: 287.4, Low: 181, High: 519.6}), "2.5 s [0.5, 3.0]": Span(judge.Figure{Value: 2518, Low: 500, High: 2990}),
		"13.0 us": Micros(13), "511 us": Micros(511), "12.5 ms": Micros(12_500),
		"0": Thousands(0), "999": Thousands(999), "1,000": Thousands(1000), "1,234,567": Thousands(1_234_567), "1 flow": Counted(1, "flow"), "2,000 flows": Counted(2000, "flow"),
		"realtime": Short("realtime", 8), "realtim…": Short("realtime_p2p", 8), "": Bar(0, 30), "██████▌": Bar(.65, 10), "██████████": Bar(1, 10),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
