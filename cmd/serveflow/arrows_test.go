package main

import (
	"go/ast"
	"go/parser"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/serveflow/serveflow"

// arrows is which packages of ours each may import: the map in DESIGN.md.
var arrows = map[string][]string{
	"flow":              {"flow/zeek", "internal/delivery"},
	"flow/zeek":         {},
	"flow/zeek/logfile": {"flow/zeek", "internal/decompress"},
	"flow/merge":        {"flow", "flow/zeek"},
	"flow/capture":      {"flow/zeek", "internal/decompress"},

	"consumer": {"consumer/assembler", "consumer/backlog", "consumer/fetch", "consumer/group", "consumer/offset", "consumer/partition", "consumer/rekey",
		"flow", "flow/zeek", "internal/brokers"},
	"consumer/assembler": {"flow", "flow/zeek", "internal/delivery"},
	"consumer/backlog":   {},
	"consumer/fetch":     {},
	"consumer/group":     {"internal/backoff", "internal/brokers"},
	"consumer/offset":    {"internal/brokers", "internal/delivery"},
	"consumer/partition": {"consumer/fetch", "consumer/offset", "flow/zeek", "internal/backoff", "internal/brokers", "internal/delivery"},
	"consumer/rekey":     {"flow/merge", "flow/zeek", "internal/delivery"},

	"cascade":        {"cascade/answer", "cascade/drift", "cascade/shadow", "cascade/steer", "cascade/nprint", "flow", "internal/delivery"},
	"cascade/drift":  {},
	"cascade/nprint": {"flow", "flow/zeek", "internal/nearest"},
	"cascade/answer": {},
	"cascade/shadow": {},
	"cascade/steer":  {},
	"cascade/memo":   {},
	"cascade/trees":  {},
	"cascade/gbdt":   {"cascade/trees"},
	"cascade/onnx":   {"cascade/trees"},
	"cascade/bundle": {"cascade/answer", "cascade/drift", "cascade/gbdt", "cascade/onnx", "cascade/nprint", "internal/nearest"},
	"cascade/reload": {"cascade/bundle"},

	"sink":            {"cascade", "internal/brokers", "internal/delivery", "sink/producer"},
	"sink/producer":   {"internal/brokers", "internal/delivery"},
	"sink/deadletter": {"internal/delivery", "sink/producer"},

	"workbench/annotate": {"flow/zeek", "flow/zeek/logfile"},

	"ship":   {"flow/merge", "flow/zeek", "flow/zeek/logfile", "internal/decompress", "internal/delivery", "sink/producer"},
	"doctor": {"consumer/group", "flow/zeek", "internal/brokers"},

	"internal/admin":       {},
	"internal/await":       {},
	"internal/backoff":     {},
	"internal/brokers":     {},
	"internal/bundletest":  {},
	"internal/decompress":  {},
	"internal/delivery":    {},
	"internal/faultproxy":  {},
	"internal/kafkatest":   {"internal/needs", "internal/process"},
	"internal/lab":         {"internal/decompress"},
	"internal/memory":      {},
	"internal/metricstest": {},
	"internal/nearest":     {},
	"internal/needs":       {},
	"internal/preflight":   {"internal/brokers"},
	"internal/process":     {},

	"scripts/gotest": {},
	"scripts/mutate": {},

	"workbench/judge":     {"cascade", "workbench/truth"},
	"workbench/calibrate": {"cascade", "workbench/judge"},
	"workbench/page":      {"workbench/calibrate", "workbench/judge", "workbench/words"},
	"workbench/summary":   {"workbench/calibrate", "workbench/judge", "workbench/page", "workbench/words"},
	"workbench/words":     {"workbench/judge"},
	"workbench/truth":     {},
	"workbench/rerun":     {"cascade", "consumer/assembler", "flow", "flow/zeek", "internal/delivery"},

	"e2e": {},

	"bench/chain":      {},
	"bench/latency":    {},
	"bench/load":       {},
	"bench/pauses":     {},
	"bench/throughput": {},
	"bench/faults":     {"flow/zeek", "internal/kafkatest", "internal/process"},

	"cmd/serveflow/demo":   {"cmd/serveflow/labels", "sink", "sink/producer", "flow/zeek", "internal/brokers", "internal/delivery"},
	"cmd/serveflow/labels": {"internal/brokers", "sink"},
	"cmd/serveflow": {"consumer", "consumer/assembler", "consumer/group", "flow", "flow/zeek", "flow/zeek/logfile", "flow/capture", "cascade", "cascade/nprint",
		"cascade/bundle", "cascade/drift", "cascade/memo", "cascade/reload", "cascade/shadow", "sink", "sink/producer", "sink/deadletter", "ship", "doctor", "internal/admin", "internal/brokers",
		"internal/decompress", "internal/delivery", "internal/memory", "internal/nearest", "internal/preflight", "cmd/serveflow/demo", "cmd/serveflow/labels",
		"workbench/annotate", "workbench/calibrate", "workbench/judge", "workbench/page", "workbench/rerun", "workbench/summary", "workbench/truth"},
}

func TestImportsPointOneWay(t *testing.T) {
	eachGoFile(t, parser.ImportsOnly, func(f goFile) {
		allowed, ok := arrows[f.room]
		if !ok {
			t.Errorf("%s/%s: the package is not in DESIGN.md's map", f.room, f.name)
			return
		}
		for _, to := range ourImports(f.parsed) {
			if !slices.Contains(allowed, to) {
				t.Errorf("%s/%s imports %s, which DESIGN.md's map does not allow", f.room, f.name, to)
			}
		}
	})
}

// ourImports are the packages of this module that a file imports.
func ourImports(file *ast.File) (rooms []string) {
	for _, spec := range file.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		if room, ours := strings.CutPrefix(name, module+"/"); ours {
			rooms = append(rooms, room)
		}
	}
	return rooms
}
