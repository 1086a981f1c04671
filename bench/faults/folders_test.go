package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/process"
)

// TestFaultsFolders gives `serveflow run` bundles that are wrong or that point out of their
// folder. Each is refused with a reason before anything starts.
func TestFaultsFolders(t *testing.T) {
	requireBench(t)
	const target = "100% refused, with file, reason and remedy"
	run(t, fmt.Sprintf("%d hostile bundles: paths, links, pipes, sizes, digests, orders, numbers", len(hostileBundles)), target, func(t *testing.T, r *row) {
		refused, longest, most := 0, time.Duration(0), int64(0)
		serveflowBinary(t) // build it now, so that the first bundle does not take longer
		for _, hostile := range hostileBundles {
			dir := filepath.Join(t.TempDir(), "bundle")
			if err := os.CopyFS(dir, os.DirFS(filepath.Join(repository, "cascade/bundle/testdata/mixed"))); err != nil {
				t.Fatal(err)
			}
			if err := hostile.spoil(dir); err != nil {
				t.Fatal(hostile.name, ": ", err)
			}
			began := time.Now()
			code, words, memory := check(t, dir)
			most = max(most, memory)
			longest = max(longest, time.Since(began))
			if code != 2 || !strings.Contains(words, hostile.want) || !strings.Contains(words, "; ") || strings.Count(words, "\n") != 1 {
				t.Errorf("%s: exit code %d, %s", hostile.name, code, words)
				continue
			}
			refused++
		}
		r.note("%d refused, in at most %v and %d MiB", refused, longest.Round(time.Millisecond), most>>20)
	})
}

// check returns the exit code and standard error of `serveflow run --check`, and the bytes of
// memory that it had resident at most.
func check(t *testing.T, dir string) (code int, words string, memory int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, serveflowBinary(t), "run", "--check", "--bundle", dir)
	cmd.Dir, cmd.Env = repository, process.Environment()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.Run()
	if used, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		memory = used.Maxrss << 10
	}
	return cmd.ProcessState.ExitCode(), stderr.String(), memory
}

// hostileBundles are changes to a valid bundle, each with a part of the refusal that it must
// cause.
var hostileBundles = []struct {
	name  string
	spoil func(dir string) error
	want  string
}{
	{"an archive that would unpack elsewhere (zip-slip)", replaceBy("", func(path string) error { return os.WriteFile(path, []byte("PK\x03\x04../../etc/passwd"), 0o644) }), "not a folder; unpack an archive"},
	{"../ in a file's name", editManifest(func(m fields) { m["files"].(fields)["../../etc/passwd"] = digest(nil) }), `"../../etc/passwd" is no plain file name`},
	{"an absolute name", editManifest(func(m fields) { m["files"].(fields)["/etc/passwd"] = digest(nil) }), `"/etc/passwd" is no plain file name`},
	{"a folder in a name", editManifest(func(m fields) { m["files"].(fields)["a/b"] = digest(nil) }), `"a/b" is no plain file name`},
	{"a link out", replaceBy("slow.onnx", func(path string) error { return os.Symlink("/etc/passwd", path) }), "slow.onnx: not a plain file"},
	{"a link within", replaceBy("slow.onnx", func(path string) error { return os.Symlink("first.txt", path) }), "slow.onnx: not a plain file"},
	{"the manifest a link", replaceBy("manifest.json", func(path string) error { return os.Symlink("/etc/passwd", path) }), "manifest.json: not a plain file"},
	{"a pipe that nobody writes", replaceBy("slow.onnx", func(path string) error { return syscall.Mkfifo(path, 0o644) }), "slow.onnx: not a plain file"},
	{"a manifest that is a pipe", replaceBy("manifest.json", func(path string) error { return syscall.Mkfifo(path, 0o644) }), "manifest.json: not a plain file"},
	{"a folder for a file", replaceBy("slow.onnx", func(path string) error { return os.Mkdir(path, 0o755) }), "slow.onnx: not a plain file"},
	{"a file of 1 TiB of holes", replaceBy("slow.onnx", func(path string) error { return sparse(path, 1<<40) }), "slow.onnx: 1099511627776 bytes"},
	{"a manifest of 1 GiB", replaceBy("manifest.json", func(path string) error { return sparse(path, 1<<30) }), "manifest.json: 1073741824 bytes"},
	{"a manifest nested 1,000,000 deep", replaceBy("manifest.json", func(path string) error {
		return os.WriteFile(path, []byte(`{"schema":`+strings.Repeat("[", 1_000_000)), 0o644)
	}), "manifest.json: line 1: not JSON"},
	{"a field twice", replaceText("manifest.json", `"threshold"`, `"threshold": 1, "threshold"`), `field "threshold" is there twice`},
	{"an unknown field", editManifest(func(m fields) { m["hook"] = "x" }), `field "hook" is not known`},
	{"a wrong digest", editManifest(func(m fields) { m["files"].(fields)["slow.onnx"] = digest(nil) }), "slow.onnx: its SHA-256 is"},
	{"a changed file", replaceText("slow.onnx", "Softmax", "Hardmax"), "slow.onnx: its SHA-256 is"},
	{"weights in another file", replaceFile("slow.onnx", func(string) ([]byte, error) {
		return os.ReadFile(filepath.Join(repository, "cascade/onnx/testdata/bad/external_weight.onnx"))
	}), "slow.onnx: onnx: a weight lies in another file"},
	{"4 GiB of zeros inside a model of 300 bytes", bothOf(replaceFile("slow.onnx", func(string) ([]byte, error) {
		return os.ReadFile(filepath.Join(repository, "cascade/onnx/testdata/bomb.onnx"))
	}), editManifest(func(m fields) { stageIn(m, 1)["output_name"] = "scores" })), "slow.onnx: it needs more than the"},
	{"ONNX trees that abort ONNX Runtime 1.24.4", replaceFile("slow.onnx", func(string) ([]byte, error) {
		data, err := os.ReadFile(filepath.Join(repository, "cascade/onnx/testdata/trees.onnx"))
		if err == nil {
			data[1401] ^= 0x10
		}
		return data, err
	}), "its votes' lists have 255, 256, 256 and 256 values"},
	{"features of LightGBM in another order", editManifest(func(m fields) { swap(stageIn(m, 0)["features"].([]any)) }), "first.txt: feature 1 is"},
	{"features of ONNX in another order", editManifest(func(m fields) { swap(stageIn(m, 1)["features"].([]any)) }), "parity.json: features of stage slow: number 1 is"},
	{"classes in another order", editManifest(func(m fields) { swap(m["classes"].([]any)) }), "parity.json: classes: number 1 is"},
	{"a class twice", editManifest(func(m fields) { m["classes"].([]any)[0] = m["classes"].([]any)[1] }), "classes: name 2"},
	{"a stage twice", editManifest(func(m fields) { stageIn(m, 1)["name"] = "first" }), "the name is there twice"},
	{"a feature twice", editManifest(func(m fields) { f := stageIn(m, 1)["features"].([]any); f[0] = f[1] }), "is listed twice"},
	{"temperature 0", editManifest(func(m fields) { stageIn(m, 0)["temperature"] = 0 }), "temperature is missing, or not above 0"},
	{"a threshold that is NaN", replaceText("manifest.json", `"threshold": 0.4`, `"threshold": NaN`), "not JSON"},
	{"a threshold beyond all numbers", replaceText("manifest.json", `"threshold": 0.4`, `"threshold": 1e999`), "threshold"},
	{"depth -1", editManifest(func(m fields) { stageIn(m, 0)["depth"] = -1 }), "depth is -1"},
	{"depth 2000000000", editManifest(func(m fields) { stageIn(m, 1)["depth"] = 2_000_000_000 }), "depth is 2000000000"},
	{"a tree of 2000000000 leaves", replaceFile("first.txt", func(path string) ([]byte, error) {
		data, err := os.ReadFile(path)
		return bytes.Replace(data, []byte("num_leaves=4"), []byte("num_leaves=2000000000"), 1), err
	}), "num_leaves is 2000000000, the limit is"},
	{"a tree that is a circle", replaceFile("first.txt", func(path string) ([]byte, error) {
		data, err := os.ReadFile(path)
		return bytes.Replace(data, []byte("left_child="), []byte("left_child=0 "), 1), err
	}), "first.txt: gbdt: line "},
}

func bothOf(first, second func(dir string) error) func(dir string) error {
	return func(dir string) error { return errors.Join(first(dir), second(dir)) }
}

type fields = map[string]any

func stageIn(m fields, i int) fields { return m["stages"].([]any)[i].(fields) }

func swap(names []any) { names[0], names[1] = names[1], names[0] }

// replaceBy replaces a file of the bundle by something else; with an empty name, the folder.
func replaceBy(name string, put func(path string) error) func(dir string) error {
	return func(dir string) error {
		path := filepath.Join(dir, name)
		if err := os.RemoveAll(path); err != nil {
			return err
		}
		return put(path)
	}
}

func sparse(path string, size int64) error {
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		return err
	}
	return os.Truncate(path, size)
}

func replaceText(name, old, by string) func(dir string) error {
	return func(dir string) error {
		path := filepath.Join(dir, name)
		data, err := os.ReadFile(path)
		if err == nil && !bytes.Contains(data, []byte(old)) {
			err = fmt.Errorf("%s has no %s", name, old)
		}
		if err != nil {
			return err
		}
		return os.WriteFile(path, bytes.Replace(data, []byte(old), []byte(by), 1), 0o644)
	}
}

// editManifest changes the manifest.
func editManifest(change func(fields)) func(dir string) error {
	return func(dir string) error {
		path := filepath.Join(dir, "manifest.json")
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var m fields
		if err := json.Unmarshal(data, &m); err != nil {
			return err
		}
		change(m)
		if data, err = json.Marshal(m); err != nil {
			return err
		}
		return os.WriteFile(path, data, 0o644)
	}
}

// replaceFile changes a file and puts its new digest into the manifest.
func replaceFile(name string, change func(path string) ([]byte, error)) func(dir string) error {
	return func(dir string) error {
		path := filepath.Join(dir, name)
		data, err := change(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
		return editManifest(func(m fields) { m["files"].(fields)[name] = digest(data) })(dir)
	}
}
