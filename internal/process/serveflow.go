package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Build builds serveflow into the folder into and returns the program's absolute path.
// root is the repository's folder.
func Build(root, into string) (string, error) {
	into, err := filepath.Abs(into)
	if err != nil {
		return "", err
	}
	program := filepath.Join(into, "serveflow")
	build := exec.Command("go", "build", "-o", program, "./cmd/serveflow")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build serveflow: %w\n%s", err, out)
	}
	return program, nil
}

// Environment returns this process's environment with settings, each NAME=value, in
// place of all SERVEFLOW_ variables.
func Environment(settings ...string) []string {
	var env []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "SERVEFLOW_") {
			env = append(env, variable)
		}
	}
	return append(env, settings...)
}
