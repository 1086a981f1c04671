package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// declaredFlags asks a command for its help and gives the flags that it declares.
func declaredFlags(t *testing.T, c command) *flag.FlagSet {
	t.Helper()
	var asked helpAsked
	if err := c.run(t.Context(), terminal{}, []string{"--help"}); !errors.As(err, &asked) {
		t.Fatalf("%s --help: %v", c.name, err)
	}
	if asked.flags.Name() != c.name {
		t.Errorf("the flags of %s are called %s", c.name, asked.flags.Name())
	}
	return asked.flags
}

// compareHelp compares a file that is made of the commands' words, flags and settings.
func compareHelp(t *testing.T, file, text string) {
	t.Helper()
	t.Log("go test ./cmd/serveflow -run Help -update writes it anew, and make golden does")
	compare(t, file, text)
}

// testdata/golden/help.txt holds what every command's help prints.
func TestGoldenHelp(t *testing.T) {
	reads := readSettings(t) // with -update, settings_read.go may be older
	text := overview(commands())
	for _, c := range commands() {
		text += strings.Repeat("-", columns) + "\n" + c.help(declaredFlags(t, c), reads[c.name])
	}
	compareHelp(t, filepath.Join(repositoryRoot(t), "testdata", "golden", "help.txt"), text)
}

// A command's help is on standard output and complete, however it is asked for.
func TestHelpIsTheSameHoweverAsked(t *testing.T) {
	for _, c := range commands() {
		want := c.help(declaredFlags(t, c), settingsRead()[c.name])
		for _, args := range [][]string{{c.name, "--help"}, {c.name, "-h"}, {"help", c.name}, {c.name, "argument", "--help"}} {
			code, stdout, stderr := runCommand(t, map[string]string{"SERVEFLOW_NO_SUCH": "x"}, "", args...)
			if code != exitOK || stdout != want || stderr != "" {
				t.Errorf("%v: exit code %d, %d bytes on standard output, %q on standard error", args, code, len(stdout), stderr)
			}
		}
	}
	if _, whole, _ := runCommand(t, nil, "", "bundle", "--help"); whole == "" {
		t.Error("no help of bundle")
	} else if code, stdout, stderr := runCommand(t, nil, "", "help", "bundle", "verify"); code != exitOK || stdout != whole {
		t.Errorf("help bundle verify: exit code %d, %q", code, stderr)
	}
	for _, args := range [][]string{{"help"}, {"--help"}, {"-h"}} {
		code, stdout, stderr := runCommand(t, nil, "", args...)
		if code != exitOK || stdout != overview(commands()) || stderr != "" {
			t.Errorf("%v: exit code %d, %q, %q", args, code, stdout, stderr)
		}
	}
}

// Every command says all that the page has room for, and no flag is without a meaning.
func TestHelpIsComplete(t *testing.T) {
	for _, c := range commands() {
		if c.about == "" || len(c.does) == 0 || !strings.Contains(c.example, "serveflow "+c.name) {
			t.Errorf("%s: about %q, %d paragraphs, example %q", c.name, c.about, len(c.does), c.example)
		}
		for _, word := range strings.Fields(c.args) {
			name := strings.Trim(word, "[].")
			if name == strings.ToUpper(name) && !slices.ContainsFunc(c.takes, func(a argument) bool { return a.name == name }) {
				t.Errorf("%s: the argument %s is not explained", c.name, name)
			}
		}
		if said := c.help(declaredFlags(t, c), settingsRead()[c.name]); strings.Contains(said, "the same for") {
			t.Errorf("%s: a setting's meaning leans on one that the help does not list", c.name)
		}
		for _, f := range flagsOf(declaredFlags(t, c)) {
			if len(f.meaning) < 10 {
				t.Errorf("%s: --%s is explained by %q", c.name, f.name, f.meaning)
			}
		}
	}
}

// The commands that examples run exist, and take the flags that stand there.
func TestExamplesOfTheHelpAreTaken(t *testing.T) {
	call := regexp.MustCompile(`serveflow ([a-z]+)([^|>#\n]*)`)
	for _, c := range commands() {
		for _, found := range call.FindAllStringSubmatch(c.example, -1) {
			i := slices.IndexFunc(commands(), func(other command) bool { return other.name == found[1] })
			if i < 0 {
				t.Errorf("the example of %s runs %s", c.name, found[1])
				continue
			}
			if err := parseFlags(declaredFlags(t, commands()[i]), strings.Fields(found[2])); err != nil {
				t.Errorf("the example of %s: %s: %v", c.name, found[0], err)
			}
		}
	}
}

// markdown keeps < from being taken for a tag of HTML, and | for the end of a cell.
func markdown(text string) string {
	return strings.NewReplacer("<", `\<`, "|", `\|`).Replace(text)
}

// page is a command's part of docs/commands.md.
func (c command) page(flags *flag.FlagSet, reads []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n\n`%s` %s.\n", c.name, c.usage(flags), markdown(c.about))
	for _, paragraph := range c.does {
		fmt.Fprintf(&b, "\n%s\n", markdown(paragraph))
	}
	if len(c.takes) > 0 {
		b.WriteString("\n| argument | meaning |\n| --- | --- |\n")
		for _, a := range c.takes {
			fmt.Fprintf(&b, "| `%s` | %s |\n", a.name, markdown(a.meaning))
		}
	}
	if all := flagsOf(flags); len(all) > 0 {
		b.WriteString("\n| flag | default | meaning |\n| --- | --- | --- |\n")
		for _, f := range all {
			preset := f.preset
			if preset != "" {
				preset = "`" + preset + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.head(), preset, markdown(f.meaning))
		}
	}
	if names := grouped(reads); len(names) > 0 {
		fmt.Fprintf(&b, "\n[Settings](settings.md) that it reads: `%s`.\n", strings.Join(names, "`, `"))
	}
	b.WriteString("\n| exit code | meaning |\n| --- | --- |\n")
	for code := range c.exits {
		fmt.Fprintf(&b, "| %d | %s |\n", code, markdown(c.exits.of(code)))
	}
	fmt.Fprintf(&b, "\n```\n%s\n```\n", c.example)
	return b.String()
}

// grouped gives settings in the order of their table, those of a login under one name.
func grouped(reads []string) (names []string) {
	for _, name := range knownSettings() {
		if !slices.Contains(reads, name) {
			continue
		}
		for _, group := range []string{"SERVEFLOW_TLS_", "SERVEFLOW_SASL_"} {
			if strings.HasPrefix(name, group) {
				name = group + "*"
			}
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// docs/commands.md is the help of all commands.
func TestCommandsPageIsTheHelp(t *testing.T) {
	reads := readSettings(t)
	text := "# Commands\n\nThis page is made from the commands' help by `make golden`: `serveflow COMMAND --help` prints the same, and\n" +
		"what each setting means. Flags may stand before or behind arguments; what follows `--` are arguments.\n"
	for _, c := range commands() {
		text += c.page(declaredFlags(t, c), reads[c.name])
	}
	compareHelp(t, filepath.Join(repositoryRoot(t), "docs", "commands.md"), text)
}

const (
	tableBegins = "<!-- the commands, by `make golden` -->\n"
	tableEnds   = "<!-- end of the commands -->\n"
)

// README's table of commands has a line for each.
func TestReadmeListsTheCommandsOfTheHelp(t *testing.T) {
	file := filepath.Join(repositoryRoot(t), "README.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begins := strings.Cut(string(text), tableBegins)
	_, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		t.Fatalf("README.md has no table between %q and %q", tableBegins, tableEnds)
	}
	table := "| command | does |\n| --- | --- |\n"
	for _, c := range commands() {
		table += fmt.Sprintf("| [`%s`](docs/commands.md#%s) | %s |\n", strings.TrimSpace("serveflow "+c.name+" "+c.args), c.name, markdown(c.about))
	}
	compareHelp(t, file, before+tableBegins+table+tableEnds+after)
}
