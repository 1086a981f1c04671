package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// command is one subcommand, with what its help says beside its flags and settings.
type command struct {
	name  string
	args  string // its arguments, as the usage line names them
	about string // one line, as it follows "serveflow run"
	run   func(ctx context.Context, t terminal, args []string) error

	does    []string   // paragraphs
	takes   []argument // its arguments, one by one
	exits   exits
	example string // lines for a shell
}

type argument struct{ name, meaning string }

// exits say what each exit code means; where one is empty, usualExits has it.
type exits [3]string

func usualExits() exits { return exits{"done", "a failure while running", "bad settings or arguments"} }

func (e exits) of(code int) string { return cmp.Or(e[code], usualExits()[code]) }

// usage is the command line of a command that has the flags.
func (c command) usage(flags *flag.FlagSet) string {
	line := "serveflow " + c.name
	if len(flagsOf(flags)) > 0 {
		line += " [flags]"
	}
	return strings.TrimSuffix(line+" "+c.args, " ")
}

// help is the text of `serveflow COMMAND --help`; reads are the settings that the command
// reads.
func (c command) help(flags *flag.FlagSet, reads []string) string {
	var b strings.Builder
	wrap(&b, "", fmt.Sprintf("serveflow %s %s.", c.name, c.about))
	fmt.Fprintf(&b, "\nUsage: %s\n", c.usage(flags))
	for _, paragraph := range c.does {
		b.WriteByte('\n')
		wrap(&b, "", paragraph)
	}
	if len(c.takes) > 0 {
		b.WriteString("\nArguments:\n")
		for _, a := range c.takes {
			item(&b, a.name, a.meaning)
		}
	}
	if all := flagsOf(flags); len(all) > 0 {
		b.WriteString("\nFlags:\n")
		for _, f := range all {
			item(&b, f.head()+defaulted(f.preset), f.meaning)
		}
	}
	if len(reads) > 0 {
		b.WriteString("\nSettings, from the environment:\n")
		for _, s := range settingsTable() {
			if slices.Contains(reads, s.name) {
				item(&b, s.name+defaulted(s.preset), s.meaning)
			}
		}
	}
	b.WriteString("\nExit codes:\n")
	for code := range c.exits {
		item(&b, strconv.Itoa(code), c.exits.of(code))
	}
	b.WriteString("\nExample:\n")
	for line := range strings.Lines(c.example) {
		b.WriteString("  " + line)
	}
	b.WriteByte('\n')
	return b.String()
}

// overview is the text of `serveflow help`.
func overview(all []command) string {
	var b strings.Builder
	b.WriteString("usage: serveflow COMMAND\n")
	for _, c := range all {
		fmt.Fprintf(&b, "  %-22s %s\n", c.name+" "+c.args, c.about)
	}
	b.WriteString("serveflow COMMAND --help says what a command takes. Settings come from the\nenvironment: serveflow config lists them.\n")
	return b.String()
}

// flagHelp is what the help says of one flag.
type flagHelp struct{ name, value, preset, meaning string }

func (f flagHelp) head() string { return strings.TrimSuffix("--"+f.name+" "+f.value, " ") }

// flagsOf gives the flags of a set as they were declared. What stands in backquotes in a
// flag's usage names its value, as in package flag.
func flagsOf(flags *flag.FlagSet) (all []flagHelp) {
	flags.VisitAll(func(f *flag.Flag) {
		value, meaning := flag.UnquoteUsage(f)
		switch value {
		case "int", "uint", "float":
			value = "N"
		}
		preset := f.DefValue
		if value == "" { // a switch
			preset = ""
		}
		all = append(all, flagHelp{f.Name, strings.ToUpper(value), preset, meaning})
	})
	return all
}

func defaulted(preset string) string {
	if preset == "" {
		return ""
	}
	return " (default " + preset + ")"
}

// item writes a name, and what it means below it.
func item(b *strings.Builder, name, meaning string) {
	b.WriteString("  " + name + "\n")
	wrap(b, "        ", meaning)
}

// columns is how wide a line of help is at most, if its words are shorter.
const columns = 80

// wrap writes a paragraph in lines that begin with indent.
func wrap(b *strings.Builder, indent, paragraph string) {
	line := ""
	for _, word := range strings.Fields(paragraph) {
		if line != "" && len(indent)+len(line)+1+len(word) > columns {
			b.WriteString(indent + line + "\n")
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	b.WriteString(indent + line + "\n")
}
