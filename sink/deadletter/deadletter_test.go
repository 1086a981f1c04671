package deadletter

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/delivery"
	"github.com/serveflow/serveflow/sink/producer"
)

// outbox keeps what is sent.
type outbox struct{ sent []producer.Message }

func (o *outbox) Send(_ context.Context, m producer.Message) { o.sent = append(o.sent, m) }

func TestDeadLetterCarriesItsOrigin(t *testing.T) {
	base := delivery.DeadLetter{Value: []byte("\x00bad"), Topic: "in", Partition: 3, Offset: 42, Reason: "syntax", Err: errors.New("not JSON")}
	always := map[string]string{"error": "not JSON", "reason": "syntax", "topic": "in", "partition": "3", "offset": "42", "stage": "decode"}
	for name, test := range map[string]struct {
		change func(*delivery.DeadLetter)
		more   map[string]string
	}{
		"a record":                  {func(*delivery.DeadLetter) {}, nil},
		"refused elsewhere":         {func(l *delivery.DeadLetter) { l.Stage = "fetch" }, map[string]string{"stage": "fetch"}},
		"cut, of known size":        {func(l *delivery.DeadLetter) { l.Cut, l.Size = true, 900 }, map[string]string{"cut": "true", "size": "900"}},
		"cut, of unknown size":      {func(l *delivery.DeadLetter) { l.Cut = true }, map[string]string{"cut": "true"}},
		"cut, of one byte":          {func(l *delivery.DeadLetter) { l.Cut, l.Size = true, 1 }, map[string]string{"cut": "true", "size": "1"}},
		"whole, of known size":      {func(l *delivery.DeadLetter) { l.Size = 4 }, nil},
		"a batch":                   {func(l *delivery.DeadLetter) { l.Offsets = 1700 }, map[string]string{"offsets": "1700"}},
		"one record is no batch":    {func(l *delivery.DeadLetter) { l.Offsets = 1 }, nil},
		"two records are one batch": {func(l *delivery.DeadLetter) { l.Offsets = 2 }, map[string]string{"offsets": "2"}},
	} {
		out, written, letter := &outbox{}, &await.Tally{}, base
		test.change(&letter)
		letter.Acker = written
		New(out, "in.dlq").Put(t.Context(), letter)
		want := maps.Clone(always)
		maps.Copy(want, test.more)
		got := map[string]string{}
		for _, h := range out.sent[0].Headers {
			got[h.Key] = string(h.Value)
		}
		if m := out.sent[0]; m.Topic != "in.dlq" || m.Key != nil || string(m.Value) != "\x00bad" || !maps.Equal(got, want) {
			t.Errorf("%s: %s to %s with %v, want %v", name, m.Value, m.Topic, got, want)
		}
		if out.sent[0].Acker.Ack(); written.Count() != 1 {
			t.Errorf("%s: %d acknowledged", name, written.Count())
		}
	}
}

// Dead letters of 8 MiB may be unwritten, with a KiB more for each than its value has.
func TestCost(t *testing.T) {
	for bytes, want := range map[int]int64{0: 1 << 10, 1000: 2024, 8<<20 - 1025: 8<<20 - 1, 8 << 20: 8 << 20} {
		q := New(&outbox{}, "in.dlq")
		q.Put(t.Context(), delivery.DeadLetter{Value: make([]byte, bytes), Err: errors.New("no")})
		if left := 8<<20 - want; !q.budget.TryAcquire(left) || q.budget.TryAcquire(1) {
			t.Errorf("a value of %d bytes costs more or less than %d", bytes, want)
		}
	}
}

// The value is copied: the caller uses its buffer again.
func TestValueIsCopied(t *testing.T) {
	out, value := &outbox{}, []byte("bad")
	New(out, "in.dlq").Put(t.Context(), delivery.DeadLetter{Value: value, Err: errors.New("no")})
	copy(value, "xxx")
	if string(out.sent[0].Value) != "bad" {
		t.Errorf("the dead letter has the value %s now", out.sent[0].Value)
	}
	out.sent[0].Acker.Ack() // a dead letter without an Acker
}

// Dead letters wait while the budget is used up. When the generation ends, Put returns
// without an acknowledgement, and the letter's part of the budget is returned.
func TestBudget(t *testing.T) {
	out, written := &outbox{}, &await.Tally{}
	q := New(out, "in.dlq")
	ctx, end := context.WithCancel(t.Context())
	put := func() {
		q.Put(ctx, delivery.DeadLetter{Value: make([]byte, budgetBytes/2-letterBytes), Err: errors.New("too long"), Acker: written})
	}
	put()
	put()
	if q.budget.TryAcquire(1) {
		t.Error("two letters of half the budget leave room")
	}
	out.sent[0].Acker.Ack()
	out.sent[0].Acker.Ack() // twice gives nothing back twice
	put()                   // takes the part of the first
	if q.budget.TryAcquire(1) {
		t.Error("more was returned than one letter's part")
	}
	end()
	put() // there is no part left, and the context is done
	if len(out.sent) != 3 || written.Count() != 2 {
		t.Errorf("%d sent, %d acknowledged", len(out.sent), written.Count())
	}
	for _, m := range out.sent[1:] {
		m.Acker.Ack()
	}
	if !q.budget.TryAcquire(budgetBytes) {
		t.Error("the budget is not returned")
	}
}

// sentLate is a producer whose queue is full until the generation ends.
type sentLate struct{ end func() }

func (s sentLate) Send(context.Context, producer.Message) { s.end() }

func TestBudgetIsReturnedAtTheEndOfAGeneration(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	q, written := New(sentLate{end}, "in.dlq"), &await.Tally{}
	q.Put(ctx, delivery.DeadLetter{Value: []byte("bad"), Err: errors.New("no"), Acker: written})
	if !q.budget.TryAcquire(budgetBytes) || written.Count() != 0 {
		t.Errorf("a letter that may never be written keeps its part of the budget, or is acknowledged (%d)", written.Count())
	}
}

// A letter larger than the whole budget takes all of it, and does not wait for ever.
func TestLetterLargerThanTheBudget(t *testing.T) {
	out := &outbox{}
	q := New(out, "in.dlq")
	q.Put(t.Context(), delivery.DeadLetter{Value: make([]byte, budgetBytes+1), Err: errors.New("no")})
	if len(out.sent) != 1 || q.budget.TryAcquire(1) {
		t.Error("not sent, or beside others")
	}
}
