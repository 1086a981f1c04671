package kafkatest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/serveflow/serveflow/internal/needs"
)

// installation holds the programs that a broker needs.
type installation struct {
	java string // path of the java program
	jars string // folder of Kafka's jars
}

// requireInstallation finds Java and Kafka's jars. Where one is missing it skips the
// test; with TESTS_MUST_NOT_SKIP=1 it fails the test.
func requireInstallation(t testing.TB) installation {
	t.Helper()
	in, err := findInstallation()
	if err != nil {
		needs.Missing(t, "no real Kafka: %v", err)
	}
	return in
}

func findInstallation() (installation, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return installation{}, errors.New("no java on the PATH: install Java 17 or newer, then run `make kafka`")
	}
	root, err := repositoryRoot()
	if err != nil {
		return installation{}, err
	}
	jars := filepath.Join(root, ".kafka", "jars")
	if found, _ := filepath.Glob(filepath.Join(jars, "kafka_*.jar")); len(found) == 0 {
		return installation{}, errors.New("no Kafka in .kafka/jars: run `make kafka`")
	}
	return installation{java: java, jars: jars}, nil
}

// repositoryRoot finds the folder of go.mod: the working directory, which `go test` sets
// to the folder of the tested package, or one above it.
func repositoryRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod in %s or above it: run the tests inside the repository", start)
		}
	}
}
