package partition

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/consumer/offset"
)

// labeller keeps what it is told.
type labeller struct {
	recalled []string
	adopted  []string
	fault    error
	none     bool // it has no bundle that it may begin with
}

func (l *labeller) Recall(_ context.Context, bundles []string, since time.Time) error {
	l.recalled = append(l.recalled, fmt.Sprint(bundles, since.Unix()))
	return l.fault
}

func (l *labeller) Adopt(bundles []string) bool {
	l.adopted = slices.Clone(bundles)
	return !l.none
}

// labelled builds a partition of a topic with records, whose labels are by the bundles held.
func labelled(t *testing.T, held *[]string, records int) (*brokerTest, *labeller, *committed) {
	t.Helper()
	b := newBrokerTest(t, Config{Bundles: func() []string { return *held }}, minutely(records)...)
	l := &labeller{}
	b.partition.deps.Labeller = l
	return b, l, b.partition.deps.Committer.(*committed)
}

// step lets the partition begin and take what one fetch brings.
func (b *brokerTest) step(t *testing.T) {
	t.Helper()
	if err := b.partition.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.partition.step(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Where the checkpoint says by which bundles labels may have been written that are not
// committed, the labeller is told of them before the first record, and again until it knows.
// The next checkpoints say so too, as long as such labels may be needed.
func TestOtherBundlesAreTold(t *testing.T) {
	held := []string{"b"}
	b, l, _ := labelled(t, &held, 6)
	p := b.partition
	b.committed.at = offset.Checkpoint{Low: 2, Metadata: " by/1 1700000000 a,b"}
	l.fault = errors.New("no answer")
	if err := p.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.step(t.Context()); !errors.Is(err, l.fault) || len(b.handler.taken) != 0 || l.adopted != nil {
		t.Errorf("%v; took %q, adopted %q", err, b.handler.taken, l.adopted)
	}
	l.fault = nil
	if at := p.checkpoint(); at.Metadata != " by/1 1700000000 a,b" {
		t.Errorf("metadata %q, while none is read again", at.Metadata)
	}
	b.step(t)
	if want := []string{"[a b] 1700000000", "[a b] 1700000000"}; !slices.Equal(l.recalled, want) || len(b.handler.taken) != 4 || !slices.Equal(l.adopted, held) {
		t.Errorf("told %q, want %q; took %q, adopted %q", l.recalled, want, b.handler.taken, l.adopted)
	}
	p.checkpoint()
	p.deps.InFlight.Advance(7)
	if at := p.checkpoint(); !strings.HasSuffix(at.Metadata, " b") {
		t.Errorf("metadata %q, when all are finished", at.Metadata)
	}
}

// No record is taken before a commit names the bundle that labels it: a crash would leave labels
// of which the next reader, by another bundle, knows nothing.
func TestNothingIsTakenBeforeItsBundleIsCommitted(t *testing.T) {
	held := []string{"b"}
	b, l, c := labelled(t, &held, 3)
	b.committed.at.Low = -1
	for range 3 {
		b.step(t)
	}
	if len(b.handler.taken) != 0 || l.adopted != nil || !strings.HasSuffix(c.last.Metadata, " b") {
		t.Errorf("took %q, adopted %q, told %+v", b.handler.taken, l.adopted, c.last)
	}
	if told := b.reports(); told != nil {
		t.Errorf("says %v at once, while the commit may be under way", told)
	}
	b.partition.announcing = b.partition.announcing.Add(-longestAnnounce)
	b.step(t)
	if told := fmt.Sprint(b.reports()); !strings.Contains(told, "in/0 is not read: its flows begin once a commit names") {
		t.Errorf("says %s, while nothing is read because no commit succeeds", told)
	}
	c.names = held
	l.none = true // another bundle has come just now
	b.step(t)
	if len(b.handler.taken) != 0 {
		t.Errorf("took %q without a bundle", b.handler.taken)
	}
	l.none = false
	b.step(t)
	if len(b.handler.taken) != 3 || !slices.Equal(l.adopted, held) || len(l.recalled) != 0 {
		t.Errorf("took %q, adopted %q, recalled %q", b.handler.taken, l.adopted, l.recalled)
	}
}

// Records go on being taken, by the bundle of before, until a commit names the new one, which is
// asked for once. One that is not held any more must be named again when it comes back.
func TestANewBundleIsAdoptedWhenItIsCommitted(t *testing.T) {
	held := []string{"a"}
	b, l, c := labelled(t, &held, 3)
	b.partition.cfg.CommitEvery = time.Hour
	b.committed.at = offset.Checkpoint{Low: 1, Metadata: " by/1 1700000000 a"}
	b.step(t)
	b.partition.told = time.Now()
	for _, swap := range []struct{ held, committed []string }{{[]string{"a", "b"}, []string{"a"}}, {[]string{"b", "a"}, []string{"b"}}} {
		held, c.told, c.names = swap.held, 0, swap.committed
		for range 3 {
			b.step(t)
		}
		if c.told != 1 || slices.Contains(l.adopted, held[1]) || !strings.HasSuffix(c.last.Metadata, " a,b") {
			t.Errorf("%q: told %d times, at last %+v; adopted %q", held, c.told, c.last, l.adopted)
		}
		c.names = []string{"a", "b"}
		b.step(t)
		if !slices.Equal(l.adopted, held) {
			t.Errorf("adopted %q, want %q", l.adopted, held)
		}
		held = held[1:]
		b.step(t)
	}
	if len(b.handler.taken) != 2 || len(l.recalled) != 1 {
		t.Errorf("took %q, recalled %q", b.handler.taken, l.recalled)
	}
}

// Where the bundle changes while records are read that the reader before has labelled, their
// labels are looked up again: they may be by the bundle that was the right one until then.
func TestABundleThatChangesWhileRecordsAreReadAgain(t *testing.T) {
	held := []string{"a"}
	b, l, c := labelled(t, &held, 6)
	b.committed.at = offset.Checkpoint{Low: 1, Metadata: " by/1 1700000000 a"}
	p := b.partition
	if err := p.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ok, err := p.adopt(t.Context()); !ok || err != nil {
		t.Fatal(ok, err)
	}
	held, c.names = []string{"a", "b"}, []string{"a", "b"}
	if ok, err := p.adopt(t.Context()); !ok || err != nil || !slices.Equal(l.recalled, []string{"[a] 1700000000", "[a a] 1700000000"}) {
		t.Errorf("%t, %v, recalled %q", ok, err, l.recalled)
	}
	p.deps.InFlight.Advance(6)
	held, c.names = []string{"b", "c"}, []string{"b", "c"}
	if ok, err := p.adopt(t.Context()); !ok || err != nil || len(l.recalled) != 2 || !slices.Equal(l.adopted, held) {
		t.Errorf("past the end: %t, %v, recalled %q", ok, err, l.recalled)
	}
}
