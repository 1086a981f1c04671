package fetch_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/serveflow/serveflow/consumer/fetch"
)

// A request says what the protocol's own description reads in it; above all it asks for
// records of transactions that are open or aborted too (docs/records.md).
func TestRequestAsksForUncommittedRecords(t *testing.T) {
	for _, version := range []int16{fetch.Old, fetch.New} {
		q := fetch.Request{Version: version, Correlation: 7, ClientID: "id", Topic: "in", Partition: 3, Offset: 42, MinBytes: 1, MaxBytes: 1000, MaxWait: 250}
		header := 4 + 2 + 2 + 4 + 2 + len(q.ClientID) // size, key, version, correlation, client id
		got := kmsg.NewPtrFetchRequest()
		got.SetVersion(version)
		if err := got.ReadFrom(q.Append(nil)[header:]); err != nil {
			t.Fatal(err)
		}
		if got.IsolationLevel != 0 {
			t.Errorf("version %d: isolation level %d, want 0, read uncommitted", version, got.IsolationLevel)
		}
		if got.ReplicaID != -1 || got.MinBytes != 1 || got.MaxBytes != 1000 || got.MaxWaitMillis != 250 || len(got.Topics) != 1 || len(got.Topics[0].Partitions) != 1 {
			t.Fatalf("version %d: %+v", version, got)
		}
		if p := got.Topics[0].Partitions[0]; got.Topics[0].Topic != "in" || p.Partition != 3 || p.FetchOffset != 42 || p.PartitionMaxBytes != 1000 {
			t.Errorf("version %d: %+v of topic %s", version, p, got.Topics[0].Topic)
		}
	}
}
