package onnx

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const remedy = "run `make onnxruntime`, or name the library in SERVEFLOW_ONNXRUNTIME"

// Find gives the path of ONNX Runtime's shared library. That is setting, unless it is
// empty. Otherwise Find looks in .onnxruntime beside the binary's folder, in .onnxruntime
// of the working directory, in LD_LIBRARY_PATH, and in the system's folders of libraries.
// The error lists the folders.
func Find(setting string) (string, error) {
	if setting != "" {
		if err := isFile(setting); err != nil {
			return "", fmt.Errorf("onnx: SERVEFLOW_ONNXRUNTIME=%s: %w; name the file of the library, or unset it and run `make onnxruntime`", setting, err)
		}
		return setting, nil
	}
	binary, err := os.Executable()
	if err != nil {
		binary = ""
	}
	return findIn(folders(binary, os.Getenv("LD_LIBRARY_PATH")))
}

// folders gives the folders to look in. binary is this program's file; it may be empty.
func folders(binary, libraryPath string) []string {
	var all []string
	if binary != "" {
		all = append(all, filepath.Join(filepath.Dir(binary), "..", ".onnxruntime"))
	}
	all = append(all, ".onnxruntime")
	all = append(all, filepath.SplitList(libraryPath)...)
	return append(all, "/usr/local/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib")
}

// findIn gives the library from the first folder that has it.
func findIn(folders []string) (string, error) {
	for _, folder := range folders {
		path, err := filepath.Abs(filepath.Join(folder, "libonnxruntime.so"))
		if err == nil && isFile(path) == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("onnx: no libonnxruntime.so in %s; %s", strings.Join(folders, ", "), remedy)
}

func isFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case os.IsNotExist(err):
		return fs.ErrNotExist
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("not a file")
	}
	return nil
}
