package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/serveflow/serveflow/cascade"
	"github.com/serveflow/serveflow/cascade/drift"
)

// haveReferences refuses tasks whose drift cannot be told.
func (all tasks) haveReferences() error {
	for _, t := range all {
		if t.spec.Drift == nil {
			return argumentError("--drift: the bundle %s does not say what its calibration set looked like, or some of its stages are left out: add that by python -m train.drift, and take --stages away", t.spec.Bundle)
		}
	}
	return nil
}

// writeDrift writes a line for each value of each task.
func writeDrift(w io.Writer, cascades cascade.Tasks) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "task\tof\tname\tflows\tPSI\tband\tdeferred\texpected")
	for _, c := range cascades {
		for _, v := range c.Drift() {
			fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%.3f\t%s", c.Task(), v.Of, v.Name, v.Flows, v.PSI, band(v))
			if v.Defers {
				fmt.Fprintf(table, "\t%.3f\t%.3f", v.Deferred, v.Expected)
			}
			fmt.Fprintln(table)
		}
	}
}

// band is what the usual bands call the value.
func band(v drift.Value) string {
	switch {
	case v.PSI < .1:
		return "alike"
	case v.PSI <= .25:
		return "moved"
	}
	return "other"
}
