package main

import (
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/cascade/onnx/onnxtest"
)

// refused runs a command line that is wrong: one line says what, and where to read on.
func refused(t *testing.T, says string, args ...string) {
	t.Helper()
	code, stdout, stderr := runCommand(t, nil, "", args...)
	want := "serveflow " + args[0] + ": " + says
	if code != exitUsage || stdout != "" || !strings.HasPrefix(stderr, want) || !strings.HasSuffix(stderr, " (see serveflow "+args[0]+" --help)\n") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("%v: exit code %d, standard output %q, %q; want %q and where to read on", args, code, stdout, stderr, want)
	}
}

func TestEveryCommandRefusesWhatItDoesNotTake(t *testing.T) {
	for _, c := range commands() {
		flags := declaredFlags(t, c)
		refused(t, "no flag --no-such: it takes ", c.name, "--no-such")
		refused(t, "no flag --no-such: it takes ", c.name, "argument", "-no-such=1")
		refused(t, "", c.name, "---")
		switch {
		case c.args == "":
			refused(t, `"stray": no further arguments are taken`, c.name, "stray")
		case c.args[0] == '[':
			refused(t, `"stray": one topic is taken`, c.name, "argument", "stray")
		default:
			refused(t, "name ", c.name)
		}
		flags.VisitAll(func(f *flag.Flag) {
			var value any
			if has, ok := f.Value.(flag.Getter); ok { // a flag that may be repeated has no value of its own
				value = has.Get()
			}
			switch value.(type) {
			case bool:
				refused(t, "--"+f.Name+" perhaps: choose true or false", c.name, "--"+f.Name+"=perhaps")
				return
			case int:
				refused(t, "--"+f.Name+" 1.5: choose a whole number", c.name, "--"+f.Name, "1.5")
			case float64:
				refused(t, "--"+f.Name+" fast: choose a number", c.name, "--"+f.Name, "fast")
			case time.Duration:
				refused(t, "--"+f.Name+" 5: choose a time with its unit, such as 30s", c.name, "--"+f.Name, "5")
			}
			refused(t, "--"+f.Name+" needs a value", c.name, "--"+f.Name)
		})
	}
}

// Values that are of the right kind and yet make no sense.
func TestValuesOfFlagsAreChecked(t *testing.T) {
	onnxtest.Library(t)
	for args, says := range map[string]string{
		"pcap --depth 0 -":                                "--depth 0: choose 1 to 64 packets",
		"pcap - --depth 65":                               "--depth 65: choose 1 to 64 packets",
		"features --depth 0 -":                            "--depth 0: choose 1 to 64 packets",
		"features --input flows -":                        "--input flows: choose packets or conn",
		"features --names p1_ip_tl -":                     "nprint: unknown feature \"p1_ip_tl\"",
		"send --speed -1 -":                               "--speed -1: choose 0 or more",
		"demo --speed 0":                                  "--speed 0: choose a number above 0",
		"doctor --sample 0 --bundle " + toy:               "--sample 0: choose at least 1",
		"doctor --timeout 0s --bundle " + toy:             "--timeout 0s: choose a time above 0",
		"replay --bundle " + toy + " --stages first,no -": "--stages first,no: the bundle has the stages ",
		"replay --bundle " + toy + " --drift -":           "--drift: the bundle service@test 1 does not say what its calibration set looked like",
		"bundle look bundles/service":                     `"look" is not what can be done with a bundle`,
		"bundle verify":                                   "name the folder of a bundle",
	} {
		refused(t, says, strings.Fields(args)...)
	}
}

func TestFlagsMayFollowArguments(t *testing.T) {
	for _, c := range []struct {
		args, arguments string
		depth           int
	}{
		{"a b", "a b", 1},
		{"--depth 2 a", "a", 2},
		{"a --depth 2 b --conn", "a b", 2},
		{"- --depth=2", "-", 2},
		{"--depth 2 -- --depth 3", "--depth 3", 2},
		{"a -- --depth 3 -- b", "a --depth 3 -- b", 1},
		{"", "", 1},
	} {
		flags := flag.NewFlagSet("try", flag.ContinueOnError)
		depth := flags.Int("depth", 1, "")
		flags.Bool("conn", false, "")
		if err := parseFlags(flags, strings.Fields(c.args)); err != nil {
			t.Errorf("%q: %v", c.args, err)
		}
		if *depth != c.depth || !slices.Equal(flags.Args(), strings.Fields(c.arguments)) {
			t.Errorf("%q: depth %d, arguments %q", c.args, *depth, flags.Args())
		}
	}
}

func TestHelpNamesOneCommand(t *testing.T) {
	for args, says := range map[string]string{
		"help nope":              `serveflow: no command "nope": serveflow help lists them`,
		"send --speed NaN f":     "serveflow send: --speed NaN: choose 0 or more (see serveflow send --help)",
		"send --speed Inf f":     "serveflow send: --speed +Inf: choose 0 or more (see serveflow send --help)",
		"demo --speed NaN":       "serveflow demo: --speed NaN: choose a number above 0 (see serveflow demo --help)",
		"send --speed 0 nowhere": "serveflow send: stat nowhere: no such file or directory",
		"help run replay":        `serveflow help: "replay": one command at a time`,
	} {
		code, stdout, stderr := runCommand(t, nil, "", strings.Fields(args)...)
		if code != exitUsage || stdout != "" || stderr != says+"\n" {
			t.Errorf("%s: exit code %d, %q, %q", args, code, stdout, stderr)
		}
	}
}
