package partition

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/consumer/fetch"
)

// collect takes records as offset and value.
func collect(into *[]string) func(*fetch.Record) error {
	return func(rec *fetch.Record) error {
		*into = append(*into, fmt.Sprintf("%d %s", rec.Offset, rec.Value))
		return nil
	}
}

// What a poll allocates does not grow with the records that it brings.
func TestPollAllocatesNothingForARecord(t *testing.T) {
	const records = 2000
	values := make([]string, records)
	for i := range values {
		values[i] = "a"
	}
	log := batch(0, values...)
	f, leader := pipedFetcher(t, &Config{FetchBytes: 1 << 20, MaxWait: time.Second})
	seen := 0
	polls := testing.AllocsPerRun(5, func() {
		go func() {
			_, correlation := leader.request()
			leader.write(answer{high: records, log: log}.bytes(correlation))
		}()
		if _, _, err := f.poll(t.Context(), 0, func(*fetch.Record) error { seen++; return nil }); err != nil {
			t.Error(err)
		}
	})
	if seen != 6*records || polls > records/4 {
		t.Errorf("%v allocations a poll of %d records; took %d", polls, records, seen)
	}
}

// Each poll asks for what comes behind the last one, and says where to go on and whether
// that is the partition's end.
func TestPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, leader := pipedFetcher(t, &Config{FetchBytes: 1 << 20, MaxWait: time.Second})
		for i, test := range []struct {
			from   int64
			answer answer
			want   []string
			next   int64
			atEnd  bool
		}{
			{5, answer{high: 9, log: append(batch(4, "below", "a"), batch(6, "b")...)}, []string{"5 a", "6 b"}, 7, false},
			{7, answer{high: 9, log: batch(7, "c", "d")}, []string{"7 c", "8 d"}, 9, true},
			{9, answer{high: 9}, nil, 9, true},
			{9, answer{high: 8}, nil, 9, true}, // from a leader that has lost the last record
			{9, answer{high: 10}, nil, 9, false},
		} {
			asked := make(chan string, 1)
			go func() {
				req, correlation := leader.request()
				p := req.Topics[0].Partitions[0]
				asked <- fmt.Sprint(correlation, req.Topics[0].Topic, p.Partition, p.FetchOffset, req.MinBytes, req.MaxWaitMillis)
				leader.write(test.answer.bytes(correlation))
			}()
			var got []string
			next, atEnd, err := f.poll(t.Context(), test.from, collect(&got))
			if err != nil || next != test.next || atEnd != test.atEnd || !slices.Equal(got, test.want) {
				t.Errorf("from %d: %q, next %d, at the end: %t, %v", test.from, got, next, atEnd, err)
			}
			if got, want := <-asked, fmt.Sprint(i+1, "in", 3, test.from, 1, 1000); got != want {
				t.Errorf("asked for %s, want %s", got, want)
			}
		}
	})
}

// After a failure the position is that of before, and nothing is said of the end.
func TestPollFails(t *testing.T) {
	stop := errors.New("no more")
	two := answer{high: 7, log: batch(5, "a", "b")}
	for name, test := range map[string]struct {
		leader func(*fakeLeader)
		take   error
		taken  int
		err    error
		after  time.Duration
	}{
		"the broker refuses": {func(l *fakeLeader) { l.serve(answer{code: int16(kafka.TopicAuthorizationFailed), high: 0}, 0, 0) }, nil, 0, kafka.TopicAuthorizationFailed, 0},
		"take refuses":       {func(l *fakeLeader) { l.serve(two, 0, 0) }, stop, 1, stop, 0},
		"the connection ends before the answer": {func(l *fakeLeader) {
			l.request()
			l.conn.Close()
		}, nil, 0, io.ErrUnexpectedEOF, 0},
		"the connection ends within the answer": {func(l *fakeLeader) {
			_, correlation := l.request()
			out := two.bytes(correlation)
			l.write(out[:len(out)-1])
			l.conn.Close()
		}, nil, 0, io.ErrUnexpectedEOF, 0},
		"the connection has ended": {func(l *fakeLeader) { l.conn.Close() }, nil, 0, io.ErrClosedPipe, 0},
		"the leader reads nothing": {func(*fakeLeader) {}, nil, 0, os.ErrDeadlineExceeded, 5 * time.Second},
		"the leader says nothing":  {func(l *fakeLeader) { l.request() }, nil, 0, os.ErrDeadlineExceeded, 6 * time.Second},
		"the answer stops": {func(l *fakeLeader) {
			_, correlation := l.request()
			l.write(two.bytes(correlation)[:20])
		}, nil, 0, os.ErrDeadlineExceeded, 6 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, leader := pipedFetcher(t, &Config{FetchBytes: 1 << 20, MaxWait: time.Second})
				go test.leader(leader)
				began, taken := time.Now(), 0
				next, atEnd, err := f.poll(t.Context(), 5, func(*fetch.Record) error { taken++; return test.take })
				if !errors.Is(err, test.err) || next != 5 || atEnd || taken != test.taken {
					t.Errorf("next %d, at the end: %t, %d taken: %v, want %v", next, atEnd, taken, err, test.err)
				}
				if took := time.Since(began); took != test.after || f.request.MaxBytes != leastFetchBytes {
					t.Errorf("failed after %v, want %v; asks for %d bytes next", took, test.after, f.request.MaxBytes)
				}
			})
		})
	}
}

// A leader may hold an empty fetch for as long as it was asked to, and answer a little
// later; what takes its time after that is the link.
func TestPollAsksForMoreWhereTheLinkIsFast(t *testing.T) {
	full := answer{high: 100, log: batch(5, random(leastFetchBytes))}
	for name, test := range map[string]struct {
		answer         answer
		before, within time.Duration
		want           int32
	}{
		"at once":                           {full, 0, 0, 2 * leastFetchBytes},
		"held for long, then at once":       {full, 5999 * time.Millisecond, 0, 2 * leastFetchBytes},
		"at once, but little":               {answer{high: 100, log: batch(5, "a")}, 0, 0, leastFetchBytes},
		"at once, and then with pauses":     {full, 0, 200 * time.Millisecond, leastFetchBytes},
		"the first half, and then it hangs": {full, 0, 5999 * time.Millisecond, leastFetchBytes},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, leader := pipedFetcher(t, &Config{FetchBytes: 1 << 20, MaxWait: time.Second})
				go leader.serve(test.answer, test.before, test.within)
				if _, _, err := f.poll(t.Context(), 5, collect(new([]string))); err != nil || f.request.MaxBytes != test.want {
					t.Errorf("asks for %d bytes next, want %d: %v", f.request.MaxBytes, test.want, err)
				}
			})
		})
	}
}

// fetchVersion asks a broker that answers with these APIs, each with the newest version
// that it takes.
func TestFetchVersion(t *testing.T) {
	for _, test := range []struct {
		name string
		apis [][2]byte // key, newest version
		want int16
	}{
		{"a broker of today", [][2]byte{{0, 9}, {fetch.API, 17}, {2, 7}}, fetch.New},
		{"a broker before 2.1", [][2]byte{{0, 7}, {fetch.API, 8}, {2, 7}}, fetch.Old},
		{"a broker that says nothing of it", [][2]byte{{0, 9}}, fetch.Old},
	} {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			request := make([]byte, 1024)
			if _, err := far.Read(request); err != nil {
				return
			}
			body := append([]byte{}, request[4+4:4+8]...) // the correlation's id
			body = append(body, 0, 0, 0, 0, 0, byte(len(test.apis)))
			for _, api := range test.apis {
				body = append(body, 0, api[0], 0, 0, 0, api[1])
			}
			far.Write(append([]byte{0, 0, 0, byte(len(body))}, body...))
		}()
		got, err := fetchVersion(kafka.NewConn(near, "in", 3))
		if err != nil || got != test.want {
			t.Errorf("%s: version %d, want %d: %v", test.name, got, test.want, err)
		}
		near.Close()
	}
	near, far := net.Pipe()
	far.Close()
	if _, err := fetchVersion(kafka.NewConn(near, "in", 3)); err == nil {
		t.Error("a broken connection has a version")
	}
}

// random is a text that no codec packs.
func random(n int) string {
	var b strings.Builder
	for x := uint64(1); b.Len() < n; x ^= x >> 27 {
		x ^= x << 13
		x ^= x >> 7
		b.WriteByte(byte(x))
	}
	return b.String()
}
