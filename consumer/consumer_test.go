package consumer

import (
	"errors"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/await"
)

func TestConsumerLabelsAndCommits(t *testing.T) {
	addr, h := fake(t), &harness{}
	send(t, addr, line("a", 1, 0), line("b", 1, .1), line("a", 2, .2), line("b", 2, .3))
	consume(t, config(addr), h, func() bool { return h.seen() == "a/2 b/2" })
	if got := committed(t, addr); got != 4 {
		t.Errorf("committed %d, want 4", got)
	}
}

// The low watermark stays below an open flow and below a label under way.
func TestCommitStaysBelowWhatIsNeeded(t *testing.T) {
	addr, h := fake(t), &harness{withhold: true}
	send(t, addr, line("done", 1, 0), line("done", 2, .1), line("open", 1, .2))
	send(t, addr, []byte("bad")) // is acknowledged, so there is something to commit above it
	consume(t, config(addr), h, func() bool { return h.seen() == "done/2" && h.rejected() == 1 && committed(t, addr) == 0 })
	if got := committed(t, addr); got != 0 {
		t.Errorf("committed %d although a label from offset 0 is not written", got)
	}
}

// A record that cannot be read goes to the dead letters and harms nothing else.
func TestBadRecordHarmsOnlyItself(t *testing.T) {
	addr, h := fake(t), &harness{}
	bad := []string{"", "\x00\x01", `{"ev":"pkt"`, `{"ev":"pkt","ts":"now"}`}
	send(t, addr, line("a", 1, 0))
	for _, b := range bad {
		send(t, addr, []byte(b))
	}
	send(t, addr, line("a", 2, .1))
	consume(t, config(addr), h, func() bool { return h.seen() == "a/2" })
	if len(h.dead) != len(bad) || committed(t, addr) != int64(len(bad)+2) {
		t.Fatalf("%d dead letters, committed %d", len(h.dead), committed(t, addr))
	}
	for i, r := range h.dead {
		var why *zeek.Error
		if string(r.Value) != bad[i] || r.Offset != int64(i+1) || r.Topic != "in" || !errors.As(r.Err, &why) {
			t.Errorf("dead letter %d: %q at %d: %v", i, r.Value, r.Offset, r.Err)
		}
	}
}

// After a restart, later packets of a flow that was labelled before it open
// nothing; a flow that really lost its first packet is labelled.
func TestTailsAfterARestart(t *testing.T) {
	addr := fake(t)
	before, after := &harness{}, &harness{}
	send(t, addr, line("a", 1, 0), line("a", 2, .1))
	consume(t, config(addr), before, func() bool { return before.seen() == "a/2" && committed(t, addr) == 2 })
	send(t, addr, line("a", 3, .2), line("lost", 2, .3), line("b", 1, .4), line("b", 2, .5))
	consume(t, config(addr), after, func() bool { return strings.Contains(after.seen(), "lost") })
	if got := after.seen(); got != "b/2 lost/0" {
		t.Errorf("labelled after the restart: %q, want b/2 and lost/0", got)
	}
}

// What was not committed is labelled again, with the same answer.
func TestUnwrittenLabelIsGivenAgain(t *testing.T) {
	addr := fake(t)
	before, after := &harness{withhold: true}, &harness{}
	send(t, addr, line("a", 1, 0), line("a", 2, .1))
	consume(t, config(addr), before, func() bool { return before.seen() == "a/2" })
	consume(t, config(addr), after, func() bool { return after.seen() == "a/2" })
}

// A flow whose next packet does not come is decided by wall time where no other
// record moves the clock.
func TestIdlePartitionTimesOut(t *testing.T) {
	addr, h := fake(t), &harness{}
	send(t, addr, line("a", 1, 0))
	consume(t, config(addr), h, func() bool { return h.seen() == "a/1" })
}

func TestLargeRecordsAreRead(t *testing.T) {
	addr, h := fake(t), &harness{}
	padded := func(l []byte, size int) []byte { return append(l, strings.Repeat(" ", size-len(l))...) }
	whole := padded(line("a", 2, .1), zeek.MaxRecord)
	beyond := padded(line("b", 1, .1), zeek.MaxRecord+1)
	send(t, addr, line("a", 1, 0), beyond, whole)
	consume(t, config(addr), h, func() bool { return h.seen() == "a/2" })
	var bad *zeek.Error
	if len(h.dead) != 1 || !errors.As(h.dead[0].Err, &bad) || bad.Reason != zeek.TooLong || string(h.dead[0].Value) != string(beyond) {
		t.Errorf("%d dead letters, %v", len(h.dead), bad)
	}
}

// A flow that stays open holds the watermark; those that finished above it are not
// labelled again after a restart, and their later packets open nothing. The open one
// is gone on with.
func TestFinishedAboveTheWatermarkStaysFinished(t *testing.T) {
	addr := fake(t)
	before, after := &harness{}, &harness{}
	send(t, addr, line("open", 1, 0), line("a", 1, .1), line("a", 2, .2), []byte("bad"), line("b", 1, .3), line("b", 2, .4))
	consume(t, config(addr), before, func() bool { return before.seen() == "a/2 b/2" })
	if got := committed(t, addr); got > 0 {
		t.Fatalf("committed %d although a flow is open from 0 on", got)
	}
	send(t, addr, line("a", 3, .5), line("open", 2, .6), line("c", 1, .7), line("c", 2, .8))
	consume(t, config(addr), after, func() bool { return strings.Contains(after.seen(), "c") })
	if got := after.seen(); got != "open/2 c/2" {
		t.Errorf("labelled after the restart: %q, want open/2 and c/2", got)
	}
	if len(after.dead) > 0 {
		t.Error("the bad record is sent to the dead letters twice")
	}
}

// An offset beyond the end, of a topic that was made anew, is said at once.
func TestOffsetPastTheEndIsSaid(t *testing.T) {
	addr, h := fake(t), &harness{}
	send(t, addr, line("a", 1, 0))
	client, done := config(addr).Cluster.Client()
	defer done()
	_, err := client.OffsetCommit(t.Context(), &kafka.OffsetCommitRequest{GroupID: "g", GenerationID: -1,
		Topics: map[string][]kafka.OffsetCommit{"in": {{Partition: 0, Offset: 1000}}}})
	if err != nil {
		t.Fatal(err)
	}
	c := run(t, config(addr), h)
	await.Until(t, "the reason", func() bool {
		why := c.Ready()
		return why != nil && strings.Contains(why.Error(), "lies past the log's end 1")
	}, func() any { return c.Ready() })
}
