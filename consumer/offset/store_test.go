package offset

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/internal/brokers"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// testStore is a store of group g and topic in, whose broker is told how to answer.
type testStore struct {
	store   *Store
	cluster *kfake.Cluster
	renewed *atomic.Int64 // how often the idle connections were closed
}

func newTestStore(t *testing.T) testStore {
	addr, cluster := kafkatest.Fake(t, kfake.SeedTopics(2, "in"))
	client, closeIdle := brokers.Plain("test", addr).Client()
	t.Cleanup(closeIdle)
	renewed := new(atomic.Int64)
	return testStore{NewStore(client, func() { renewed.Add(1); closeIdle() }, "g", "in"), cluster, renewed}
}

// errBroken is what the broker does to break a connection instead of answering.
var errBroken = errors.New("the connection breaks")

// answerReads has the broker answer what is asked for a group's offsets.
func (s testStore) answerReads(answer func(*kmsg.OffsetFetchResponse) error) {
	s.cluster.ControlKey(int16(kmsg.OffsetFetch), func(req kmsg.Request) (kmsg.Response, error, bool) {
		s.cluster.KeepControl()
		resp := req.ResponseKind().(*kmsg.OffsetFetchResponse)
		err := answer(resp)
		return resp, err, true
	})
}

// readAnswer is an answer for one partition of topic in.
func readAnswer(offset int64, metadata string, code int16) []kmsg.OffsetFetchResponseTopic {
	p := kmsg.NewOffsetFetchResponseTopicPartition()
	p.Offset, p.Metadata, p.ErrorCode = offset, &metadata, code
	return []kmsg.OffsetFetchResponseTopic{{Topic: "in", Partitions: []kmsg.OffsetFetchResponseTopicPartition{p}}}
}

// outside commits as somebody outside the group, which a broker allows while it is empty.
var outside = &kafka.Generation{ID: -1}

// What is committed is read again; where nothing is, the low watermark is -1.
func TestCommitIsRead(t *testing.T) {
	s := newTestStore(t)
	if err := s.store.Commit(t.Context(), outside, map[int]Checkpoint{0: {7, "needed/1 above"}}); err != nil {
		t.Fatal(err)
	}
	for partition, want := range []Checkpoint{{7, "needed/1 above"}, {Low: -1}} {
		if got, err := s.store.Read(t.Context(), partition); err != nil || got != want {
			t.Errorf("partition %d: read %+v, want %+v: %v", partition, got, want, err)
		}
	}
	if err := s.store.Commit(t.Context(), outside, map[int]Checkpoint{0: {9, ""}, 1: {8, "more"}}); err != nil {
		t.Fatal(err)
	}
	for partition, want := range []Checkpoint{{9, ""}, {8, "more"}} {
		if got, err := s.store.Read(t.Context(), partition); err != nil || got != want {
			t.Errorf("partition %d: read %+v, want %+v: %v", partition, got, want, err)
		}
	}
	if n := s.renewed.Load(); n != 0 {
		t.Errorf("connections that answered were closed %d times", n)
	}
	s.answerReads(func(*kmsg.OffsetFetchResponse) error { return nil })
	if at, err := s.store.Read(t.Context(), 0); err != nil || at != (Checkpoint{Low: -1}) {
		t.Errorf("an answer without the partition: %+v, %v", at, err)
	}
}

// Only a broken connection makes the store drop the others. An error that a broker
// answered came over a connection that works.
func TestReadFails(t *testing.T) {
	for _, test := range []struct {
		name    string
		answer  func(*kmsg.OffsetFetchResponse) error
		err     error // nil: any
		renewed int64
	}{
		{"the group is refused", func(r *kmsg.OffsetFetchResponse) error {
			r.ErrorCode = int16(kafka.GroupAuthorizationFailed)
			return nil
		},
			kafka.GroupAuthorizationFailed, 0},
		{"the partition is refused", func(r *kmsg.OffsetFetchResponse) error {
			r.Topics = readAnswer(7, "", int16(kafka.UnknownTopicOrPartition))
			return nil
		}, kafka.UnknownTopicOrPartition, 0},
		{"the connection breaks", func(*kmsg.OffsetFetchResponse) error { return errBroken }, nil, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newTestStore(t)
			s.answerReads(test.answer)
			at, err := s.store.Read(t.Context(), 1)
			if err == nil || test.err != nil && !errors.Is(err, test.err) || at != (Checkpoint{}) {
				t.Errorf("read %+v, %v", at, err)
			}
			if got := s.renewed.Load(); got != test.renewed {
				t.Errorf("idle connections closed %d times, want %d", got, test.renewed)
			}
		})
	}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// commitCodes has the broker answer commits with an error code: the first with the first
// of the codes, and so on. After those it breaks the connection. It gives the requests.
func (s testStore) commitCodes(codes ...kafka.Error) <-chan *kmsg.OffsetCommitRequest {
	asked := make(chan *kmsg.OffsetCommitRequest, 10)
	s.cluster.ControlKey(int16(kmsg.OffsetCommit), func(req kmsg.Request) (kmsg.Response, error, bool) {
		s.cluster.KeepControl()
		asked <- req.(*kmsg.OffsetCommitRequest)
		if len(codes) == 0 {
			return nil, errBroken, true
		}
		p := kmsg.NewOffsetCommitResponseTopicPartition()
		p.Partition, p.ErrorCode = 1, int16(codes[0])
		codes = codes[1:]
		resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
		resp.Topics = []kmsg.OffsetCommitResponseTopic{{Topic: "in", Partitions: []kmsg.OffsetCommitResponseTopicPartition{p}}}
		return resp, nil, true
	})
	return asked
}

// A commit names the generation and the member: the broker refuses one that is over. A
// broker that takes less metadata than ours gets the low watermark alone.
func TestCommitFails(t *testing.T) {
	tooLarge, moved, none := kafka.OffsetMetadataTooLarge, kafka.NotCoordinatorForGroup, kafka.Error(0)
	for _, test := range []struct {
		name     string
		codes    []kafka.Error
		metadata []string // of each request
		err      error    // nil where fails says so
		fails    bool
		renewed  int64
	}{
		{"it is taken", []kafka.Error{none}, []string{"needed"}, nil, false, 0},
		{"the metadata is too large", []kafka.Error{tooLarge, none}, []string{"needed", ""}, nil, false, 0},
		{"and then it is refused", []kafka.Error{tooLarge, moved}, []string{"needed", ""}, moved, true, 0},
		{"it is refused", []kafka.Error{moved}, []string{"needed"}, moved, true, 0},
		{"the connection breaks", nil, []string{"needed"}, nil, true, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newTestStore(t)
			asked := s.commitCodes(test.codes...)
			err := s.store.Commit(t.Context(), &kafka.Generation{ID: 12, MemberID: "member-5"}, map[int]Checkpoint{1: {7, "needed"}})
			if err != nil != test.fails || test.err != nil && !errors.Is(err, test.err) {
				t.Errorf("the error is %v", err)
			}
			var metadata []string
			for len(asked) > 0 {
				req := <-asked
				p := req.Topics[0].Partitions[0]
				if req.Group != "g" || req.Generation != 12 || req.MemberID != "member-5" || p.Partition != 1 || p.Offset != 7 {
					t.Errorf("asked for %+v", req)
				}
				metadata = append(metadata, text(p.Metadata))
			}
			if !slices.Equal(metadata, test.metadata) {
				t.Errorf("committed with metadata %q, want %q", metadata, test.metadata)
			}
			if got := s.renewed.Load(); got != test.renewed {
				t.Errorf("idle connections closed %d times, want %d", got, test.renewed)
			}
		})
	}
}
