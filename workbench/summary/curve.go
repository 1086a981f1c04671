package summary

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/serveflow/serveflow/workbench/calibrate"
	"github.com/serveflow/serveflow/workbench/page"
	"github.com/serveflow/serveflow/workbench/words"
)

// WriteCurve writes what came of a calibration as text. out is where the bundle is now.
func WriteCurve(w io.Writer, c page.Curve, out string) error {
	var b bytes.Buffer
	line := func(format string, args ...any) {
		b.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
	}
	line("%s from %s, chosen for %s flows of %s among %d choices", c.Version, c.Bundle, words.Thousands(c.Flows), words.Counted(c.Of, "capture"), c.Choice.Trials)
	line("Promise: %s.", c.Target.Promise())
	if !c.Choice.Kept {
		line("No choice was found that keeps it on these flows; this one misses it least.")
	}
	line("")
	line("%-18s %9s %9s %9s %9s %9s %10s %8s", "", "macro-F1", "loss", "accuracy", "in time", "last", "mean wait", "CPU")
	for _, row := range []struct {
		name   string
		values [7]string
	}{{"before", columns(c, 0)}, {"chosen", columns(c, 1)}, {"last stage alone", columns(c, 2)}} {
		v := row.values
		line("%-18s %9s %9s %9s %9s %9s %10s %8s", row.name, v[0], v[1], v[2], v[3], v[4], v[5], v[6])
	}
	if c.ByFamily {
		line("In all figures each class counts as its family.")
	}
	line("In time: within %s, of all flows. Loss: of macro-F1, against the last stage alone.", words.Wait(float64(c.Target.Soon.Microseconds())/1000))
	line("")
	if k := c.Choice.Check; k != nil && c.Target.Kind == calibrate.Cost {
		line("Expected cost a flow: before %.4f, chosen %.4f.", c.Target.Expected(c.Choice.Before), c.Target.Expected(c.Choice.After))
		line("On %s that did not choose, in %d bootstrap draws, the choice costs %.4f [%.4f, %.4f].", drawn(c), k.Draws, k.Cost.Value, k.Cost.Low, k.Cost.High)
	} else if k != nil {
		line("On %s that did not choose, in %d bootstrap draws: the promise was kept in %.0f%%,", drawn(c), k.Draws, 100*k.Kept)
		if k.Bound != c.Target.Bound {
			line("as %.4f was aimed at for the %.4f that is promised;", k.Bound, c.Target.Bound)
		}
		if k.Kept < c.Sure {
			line("no higher aim keeps it more often;")
		}
		line("loss %+.4f [%+.4f, %+.4f], in time %s, last stage %s.", k.Loss.Value, k.Loss.Low, k.Loss.High, words.Percent(k.Within), words.Percent(k.Last))
	}
	if k := c.Choice.Test; k != nil {
		line("Harm is a wrong label where the last stage alone has the right one. On %s that", words.Counted(k.Captures, "capture"))
		line("chose nothing it is %.2f%% in the mean. If it were more than %.1f%% elsewhere, as little would show", 100*k.Harm, 100*c.Target.Bound)
		line("by chance with a probability of at most %.3f, so that is ruled out at a confidence of %.0f%%.", k.Chance, 100*c.Target.Sure)
		line("That holds for captures that are exchangeable with these.")
	}
	line("")
	changes(line, c.Stages, 10)
	if c.ByFamily {
		line("Families:")
		changes(line, c.Families, 16)
	}
	line("")
	line("Written and checked: %s, with calibrated.html. It has no drift reference:", out)
	line("python -m train.drift %s --records FILE... adds one.", out)
	_, err := w.Write(b.Bytes())
	return err
}

// columns are the figures of a row: before, chosen, and the last stage alone.
func columns(c page.Curve, row int) [7]string {
	r := c.Choice.Before
	cpu := words.Micros(r.CPU)
	switch row {
	case 1:
		r = c.Choice.After
		cpu = words.Micros(r.CPU)
	case 2:
		r, cpu = c.Choice.Alone, ""
	}
	return [7]string{fmt.Sprintf("%.4f", r.Score.MacroF1), fmt.Sprintf("%+.4f", r.Loss), fmt.Sprintf("%.4f", r.Score.Accuracy), fmt.Sprintf("%.1f%%", 100*r.Score.Soon),
		fmt.Sprintf("%.1f%%", 100*r.Score.Last), fmt.Sprintf("%.3f s", r.Score.Wait), cpu}
}

// changes writes rules as they were and as they are now, behind names in so many columns.
func changes(line func(string, ...any), all []page.Changed, room int) {
	for _, c := range all {
		name := fmt.Sprintf("%-*s", room, words.Short(c.Name, room))
		if c.Before == c.After {
			wrapped(line, name+" as before: ", c.Before)
			continue
		}
		wrapped(line, name+" before: ", c.Before)
		wrapped(line, strings.Repeat(" ", room)+" now:    ", c.After)
	}
}

// wrapped writes a text in lines, of which the first begins with head and the others below it.
func wrapped(line func(string, ...any), head, text string) {
	row := head
	for i, part := range strings.SplitAfter(text, "; ") {
		if i > 0 && utf8.RuneCountInString(row)+len(strings.TrimRight(part, " ")) > width {
			line("%s", row)
			row = strings.Repeat(" ", utf8.RuneCountInString(head))
		}
		row += part
	}
	line("%s", row)
}

// drawn is what bootstrap draws are made of.
func drawn(c page.Curve) string {
	if c.Of < 2 {
		return "flows"
	}
	return "captures"
}
