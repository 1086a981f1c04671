package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"regexp"
	"runtime/debug"
	"strings"

	"github.com/serveflow/serveflow/cascade/bundle"
	"github.com/serveflow/serveflow/sink"
)

// commit is set by the linker (-X main.commit) where the build cannot ask git, as in the
// Dockerfile; "-modified" at its end says that the tree had changes.
var commit string

// version prints what this binary is and which schemas it speaks.
func version(_ context.Context, t terminal, args []string) error {
	if err := parse(flag.NewFlagSet("version", flag.ContinueOnError), args, false); err != nil {
		return err
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	_, err := fmt.Fprintf(t.out, "serveflow %s\n%s %s %s\n", release(info, commit), bundle.Schema, bundle.FeaturesSchema, sink.Schema)
	return err
}

// release is the module's version and the commit that the binary was built from: that
// of git, else the linked one, else that in the version of a module without a tag.
func release(info *debug.BuildInfo, linked string) string {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	linked, modified := strings.CutSuffix(linked, "-modified")
	from := cmp.Or(settings["vcs.revision"], linked)
	if settings["vcs.revision"] != "" {
		modified = settings["vcs.modified"] == "true"
	}
	version := cmp.Or(info.Main.Version, "(devel)")
	if untagged := regexp.MustCompile(`[.-]\d{14}-([0-9a-f]{12})(\+dirty)?$`).FindStringSubmatch(version); from == "" && untagged != nil {
		from, modified = untagged[1], untagged[2] != ""
	}
	switch {
	case from == "" && version != "(devel)":
		return version // the tag says which commit
	case from == "":
		return version + ", commit unknown"
	case modified:
		return version + ", commit " + from + " (modified)"
	}
	return version + ", commit " + from
}
