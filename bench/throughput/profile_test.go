package throughput

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// steps are what a flow's way takes, by the functions that do it. A sample belongs to the first step that one of
// its functions, whoever calls it, is of.
var steps = []struct{ name, functions string }{
	{"garbage collection", `runtime\.gcBgMarkWorker|runtime\.gcAssistAlloc|runtime\.bgsweep`},
	{"models of trees", `cascade/trees\.`},
	{"features", `cascade/nprint\.`},
	{"label record", `sink\.AppendLabel|sink\.\(\*Labels\)`},
	{"metrics of a label", `cascade\.\(\*Metrics\)|cascade/drift\.`},
	{"produce", `sink/producer\.|kafka-go\.\(\*Writer\)|kafka-go\.\(\*Transport\)|kafka-go/protocol`},
	{"decode", `flow/zeek\.`},
	{"fetch", `consumer/fetch\.`},
	{"flow table", `serveflow/flow\.`},
	{"commit and offsets", `consumer/offset\.|consumer/group\.`},
	{"the rest of the cascade", `serveflow/cascade\.`},
}

// profiled takes a CPU profile of a process that serves profiles, once it has begun, for so many seconds.
func profiled(t *testing.T, addr string, seconds int) (file string, done <-chan error) {
	t.Helper()
	file, ended := filepath.Join(t.TempDir(), "cpu.pprof"), make(chan error, 1)
	go func() {
		ended <- func() error {
			url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", addr, seconds)
			var res *http.Response
			err := io.EOF
			for try := 0; err != nil && try < 500; try++ { // until it listens
				time.Sleep(20 * time.Millisecond)
				res, err = http.Get(url)
			}
			if err != nil {
				return err
			}
			defer res.Body.Close()
			out, err := os.Create(file)
			if err != nil {
				return err
			}
			defer out.Close()
			_, err = io.Copy(out, res.Body)
			return err
		}()
	}()
	return file, ended
}

// split prints what each step has of a profile.
func split(t *testing.T, profile string) {
	t.Helper()
	left := 100.0
	fmt.Printf("\n| step | share of the CPU |\n| --- | --- |\n")
	for i, s := range steps {
		var before []string
		for _, b := range steps[:i] {
			before = append(before, b.functions)
		}
		share := shareOf(t, profile, s.functions, strings.Join(before, "|"))
		left -= share
		fmt.Printf("| %s | %.1f%% |\n", s.name, share)
	}
	fmt.Printf("| runtime, system calls and all else | %.1f%% |\n\n", left)
}

var accounted = regexp.MustCompile(`accounting for \S+, +([\d.]+)%`)

// shareOf is the share of samples with such a function and none of the others.
func shareOf(t *testing.T, profile, with, without string) float64 {
	t.Helper()
	args := []string{"tool", "pprof", "-top", "-nodefraction=0", "-nodecount=1000000", "-focus=" + with}
	if without != "" {
		args = append(args, "-ignore="+without)
	}
	out, err := exec.Command("go", append(args, profile)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	found := accounted.FindSubmatch(out)
	if found == nil {
		return 0 // no sample
	}
	share, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return share
}
