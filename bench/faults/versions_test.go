package faults

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// layBundles makes the folder of the bundles. In it each task has a link to the first version
// of its bundle.
func (h *harness) layBundles() {
	h.t.Helper()
	h.folder = h.t.TempDir()
	folders := maps.Clone(h.cfg.bundles)
	if folders == nil {
		folders = map[string]string{}
	}
	folders["service"] = repository + "/bundles/service"
	for task, from := range folders {
		for n := range max(1, h.cfg.versions) {
			h.copyBundle(from, task, n)
		}
		h.pointTo(task, 0)
	}
}

// copyBundle makes the n-th version of a task's bundle from that in a folder. Each but the
// first has another version, and so another digest, and another temperature in each stage: the
// confidence in a label tells which version decided it.
func (h *harness) copyBundle(from, task string, n int) {
	h.t.Helper()
	dir := h.versionFolder(task, n)
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		h.t.Fatal(err)
	}
	manifest := readObject(h.t, dir, "manifest.json")
	manifest["task"] = task
	if n > 0 {
		manifest["version"] = fmt.Sprintf("%v, changed %d times", manifest["version"], n)
		for _, stage := range manifest["stages"].([]any) {
			s := stage.(map[string]any)
			s["temperature"] = s["temperature"].(float64) * (1 + float64(n)/50)
		}
	}
	writeFile(h.t, dir, "manifest.json", encoded(h.t, manifest))
}

func (h *harness) versionFolder(task string, n int) string {
	return filepath.Join(h.folder, "versions", fmt.Sprintf("%s-%d", task, n))
}

// pointTo points a task's link to the n-th version of its bundle, in one step.
func (h *harness) pointTo(task string, n int) {
	h.t.Helper()
	link := filepath.Join(h.folder, task)
	to, err := filepath.Abs(h.versionFolder(task, n))
	if err := errors.Join(err, os.Symlink(to, link+"_next"), os.Rename(link+"_next", link)); err != nil {
		h.t.Fatal(err)
	}
}

// swap has members serve the next version of the bundles of some tasks. It does not wait for
// them. After the last version comes the first one again. docs/delivery.md says that a flow may
// have labels of two bundles where one is put back before what the members wrote by the other
// is committed, so there must be more versions than are swapped in in that time.
func (h *harness) swap(tasks ...string) {
	h.t.Helper()
	h.version++
	for _, task := range tasks {
		h.pointTo(task, h.version%h.cfg.versions)
	}
}

// swapped is how many bundles the running members have swapped in.
func (h *harness) swapped() (n float64) {
	for _, m := range h.running() {
		n += m.metric("serveflow_bundle_reloads_total", `outcome="swapped"`)
	}
	return n
}

// templatesOfVersions returns the lab's flows, with replay's labels under each version of
// service's bundle.
func (h *harness) templatesOfVersions() []*template {
	h.t.Helper()
	var all []*template
	for n := range max(1, h.cfg.versions) {
		of := templates(h.t, h.replaySettings(n)) // in the same order each time
		if n == 0 {
			all = of
		}
		for i, tpl := range all {
			want := of[i].want
			if tpl.wants == nil {
				tpl.wants = map[string]label{}
			}
			tpl.wants[want.Digest] = want
		}
	}
	return all
}

// replaySettings are the settings of a replay under the n-th version of service's bundle.
func (h *harness) replaySettings(n int) []string {
	if h.folder == "" {
		return h.cfg.settings
	}
	return append(slices.Clone(h.cfg.settings), "SERVEFLOW_BUNDLE="+h.versionFolder("service", n))
}
