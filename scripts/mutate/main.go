// Command mutate says what a package's tests do not see. It changes the
// package's source in one place at a time, runs the tests against each such
// mutant, and prints the mutants that no test kills:
//
//	go run ./scripts/mutate -pkg ./flow
//	go run ./scripts/mutate -pkg ./cascade -tests ./cmd/serveflow -files breaker -sample 50
//
// mutations.go has the list of changes. A mutant that runs out of time or of
// memory is killed; one that does not compile does not count. Mutants that
// behave as the original does, so that no test can kill them, are named with a
// reason in equivalent.txt.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

type options struct {
	pkg        string
	tests      []string // further packages whose tests count
	run        string
	files      *regexp.Regexp
	equivalent string // the file that names equivalent mutants
	sample     int
	seed       uint64
	jobs       int
	timeout    time.Duration
	memory     int // MB
}

func main() {
	var o options
	var tests, files string
	flag.StringVar(&o.pkg, "pkg", "", "the `package` to mutate, such as ./flow")
	flag.StringVar(&tests, "tests", "", "further `packages`, with commas, whose tests count too")
	flag.StringVar(&o.run, "run", "", "run only the tests that match the `regexp`")
	flag.StringVar(&files, "files", "", "mutate only the files whose names match the `regexp`")
	flag.StringVar(&o.equivalent, "equivalent", "scripts/mutate/equivalent.txt", "the `file` that names equivalent mutants")
	flag.IntVar(&o.sample, "sample", 0, "try only `n` mutants, drawn at random")
	flag.Uint64Var(&o.seed, "seed", 1, "the number that the sample is drawn by")
	flag.IntVar(&o.jobs, "j", 1, "try `n` mutants at once")
	flag.DurationVar(&o.timeout, "timeout", time.Minute, "the longest run of a package's tests; ten seconds more than five times the original's run are enough, too")
	flag.IntVar(&o.memory, "memory", 4096, "the most `MB` of data that a test process may hold")
	flag.Parse()
	o.tests = strings.FieldsFunc(tests, func(r rune) bool { return r == ',' || r == ' ' })

	var err error
	if o.files, err = regexp.Compile(files); err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		err = mutate(ctx, o, os.Stdout)
		stop()
	}
	if err != nil {
		slog.Error("mutate: " + err.Error())
		os.Exit(1)
	}
}

// mutate writes each mutant that survives, and then the share killed, to out.
func mutate(ctx context.Context, o options, out io.Writer) error {
	allowed, err := readEquivalent(o.equivalent)
	if err != nil {
		return err
	}
	l, err := newLab(ctx, o)
	if err != nil {
		return err
	}
	defer l.close()
	mutants, err := l.mutants()
	if err != nil {
		return err
	}
	count := map[outcome]int{}
	mutants = slices.DeleteFunc(mutants, func(m mutant) bool {
		_, named := allowed[m.name()]
		if named {
			allowed[m.name()] = true
			count[equivalent]++
		}
		return named
	})
	draw := rand.New(rand.NewPCG(o.seed, 0))
	if o.sample > 0 && o.sample < len(mutants) {
		draw.Shuffle(len(mutants), func(i, j int) { mutants[i], mutants[j] = mutants[j], mutants[i] })
		mutants = mutants[:o.sample]
		slices.SortFunc(mutants, mutant.compare)
	}
	l.tryAll(ctx, mutants, func(m mutant, end outcome) {
		if count[end]++; end == survived {
			fmt.Fprintf(out, "%s:%d: %s\n\t%s\n", m.path, m.line, m.what, m.source)
		}
	})
	dead := count[killed] + count[late]
	fmt.Fprintf(out, "%s: %d of %d mutants killed, %.1f%% (%d of them by time); %d did not compile, %d are named equivalent\n",
		o.pkg, dead, dead+count[survived], 100*float64(dead)/float64(max(dead+count[survived], 1)),
		count[late], count[broken], count[equivalent])
	for name, used := range allowed {
		if !used && l.holds(name) {
			fmt.Fprintf(out, "%s names a mutant that is not there: %s\n", o.equivalent, name)
		}
	}
	return ctx.Err()
}

// tryAll tells each mutant's end, one at a time.
func (l *lab) tryAll(ctx context.Context, mutants []mutant, tell func(mutant, outcome)) {
	queue := make(chan mutant)
	var lock sync.Mutex
	var workers sync.WaitGroup
	for range l.o.jobs {
		workers.Go(func() {
			for m := range queue {
				end := l.try(ctx, m)
				lock.Lock()
				tell(m, end)
				lock.Unlock()
			}
		})
	}
	for _, m := range mutants {
		queue <- m
	}
	close(queue)
	workers.Wait()
}
