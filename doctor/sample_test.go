package doctor

import (
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/internal/await"
	"github.com/serveflow/serveflow/internal/kafkatest"
)

// transact begins a transaction on all partitions of a topic and ends it, so that a marker
// stands at the end of each.
func transact(t *testing.T, addr, topic, id string, commit bool) {
	t.Helper()
	client := newClient(t, addr)
	var begun *kafka.InitProducerIDResponse
	var last error
	await.Until(t, "a producer's id", func() bool { // a new broker has no coordinator for a moment
		begun, last = client.InitProducerID(t.Context(), &kafka.InitProducerIDRequest{TransactionalID: id, TransactionTimeoutMs: 60_000, ProducerID: -1, ProducerEpoch: -1})
		if last == nil {
			last = begun.Error
		}
		return last == nil
	}, func() any { return last })
	var partitions []kafka.AddPartitionToTxn
	for p := range partitionCount {
		partitions = append(partitions, kafka.AddPartitionToTxn{Partition: p})
	}
	added, err := client.AddPartitionsToTxn(t.Context(), &kafka.AddPartitionsToTxnRequest{TransactionalID: id, ProducerID: begun.Producer.ProducerID,
		ProducerEpoch: begun.Producer.ProducerEpoch, Topics: map[string][]kafka.AddPartitionToTxn{topic: partitions}})
	if err != nil || added.Topics[topic][0].Error != nil {
		t.Fatal(err, added)
	}
	ended, err := client.EndTxn(t.Context(), &kafka.EndTxnRequest{TransactionalID: id, ProducerID: begun.Producer.ProducerID,
		ProducerEpoch: begun.Producer.ProducerEpoch, Committed: commit})
	if err != nil || ended.Error != nil {
		t.Fatal(err, ended)
	}
}

// Markers of transactions are no records: not bad ones, and none without a key.
func TestMarkersAreNoRecords(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(partitionCount, input, labels, deadLetters))
	write(t, addr, input, kafka.Murmur2Balancer{}, traffic(60)...)
	transact(t, addr, input, "committed", true)
	transact(t, addr, input, "aborted", false)
	client := newClient(t, addr)
	var last any
	await.Until(t, "two markers in each partition", func() bool { // they are written behind the answer
		var ask []kafka.OffsetRequest
		for p := range partitionCount {
			ask = append(ask, kafka.LastOffsetOf(p))
		}
		ends, err := client.ListOffsets(t.Context(), &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{input: ask}})
		if last = err; err != nil {
			return false
		}
		all := int64(0)
		for _, p := range ends.Topics[input] {
			all += p.LastOffset
		}
		last = all
		return all == int64(60*perFlow+2*partitionCount)
	}, func() any { return last })
	if r := Look(t.Context(), configFor(addr)); !r.Well() || r.Records != 60*perFlow {
		t.Errorf("%d records, wrong %v:\n%s", r.Records, problems(r), textOf(t, r))
	}
}
