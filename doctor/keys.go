package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/segmentio/kafka-go"
)

// partitioner is a function by which producers choose a key's partition.
type partitioner struct {
	name     string
	balancer kafka.Balancer
	who      string // the clients that use it, and how to change that
}

func partitioners() []partitioner {
	return []partitioner{
		{"murmur2", kafka.Murmur2Balancer{}, "the Java clients"},
		{"crc32", kafka.CRC32Balancer{}, "librdkafka's default (Vector, and clients of many languages): set partitioner=murmur2_random there"},
		{"fnv1a", &kafka.Hash{}, "Sarama and kafka-go's Hash (Filebeat's partition.hash): choose murmur2 where the producer can, else put serveflow rekey behind it"},
		{"fnv1a, sign bit cleared", &kafka.ReferenceHash{}, "Sarama's and kafka-go's reference hash: choose murmur2 where the producer can, else put serveflow rekey behind it"},
	}
}

// checkKeys checks the records' keys and the partitions that they are on.
func checkKeys(records []inputRecord, partitions int) []Finding {
	var keyless, other int
	var keyed []inputRecord
	var odd string
	for _, r := range records {
		switch {
		case len(r.raw.key) == 0:
			keyless++
			continue
		case string(r.raw.key) != r.uid:
			if other++; other == 1 {
				odd = fmt.Sprintf("%s: the key is %.64q, the uid %s", r.at(), r.raw.key, r.uid)
			}
		}
		keyed = append(keyed, r)
	}
	apart := slices.DeleteFunc(groupByFlow(records), func(f *flow) bool { return !f.split() })
	var found []Finding
	if keyless > 0 {
		found = append(found, Finding{"no-key", Fault, "records have no key: a flow's records go to any partition", []string{share(keyless, len(records), "record")},
			"key by uid: serveflow ship does; Vector: key_field = \"uid\"; Filebeat: key: '%{[uid]}'; zeek-kafka cannot: put serveflow rekey behind it"})
		if partitions == 1 {
			found[0].Severity = Warn
		}
	}
	if other > 0 {
		f := Finding{"key-not-uid", Warn, "records are keyed by something other than their uid", []string{share(other, len(records), "record"), odd},
			"key by uid, in exactly its bytes; or put serveflow rekey behind the producer"}
		if len(apart) > 0 {
			f.Severity = Fault
		}
		found = append(found, f)
	}
	found = append(found, checkSplit(apart, records)...)
	return append(found, checkPartitioner(keyed, partitions)...)
}

// checkSplit reports flows with records on several partitions; apart holds them.
func checkSplit(apart []*flow, records []inputRecord) []Finding {
	if len(apart) == 0 {
		return nil
	}
	uids := make(map[string]bool)
	for _, r := range records {
		uids[r.uid] = true
	}
	evidence := []string{share(len(apart), len(uids), "flow")}
	for _, f := range apart[:min(3, len(apart))] {
		where := slices.Sorted(maps.Keys(f.partitions))
		evidence = append(evidence, fmt.Sprintf("%s lies on partitions %s", f.uid, strings.Trim(strings.ReplaceAll(fmt.Sprint(where), " ", ", "), "[]")))
	}
	return []Finding{{"uid-split", Fault, "flows lie on more than one partition: each part is labelled as a flow of its own, with packets missing", evidence,
		"key by uid with one partitioner in all producers, or put serveflow rekey behind them and read its topic; after adding partitions, let the old records run out"}}
}

// checkPartitioner checks which partitioner the producers use.
func checkPartitioner(keyed []inputRecord, partitions int) []Finding {
	if partitions < 2 || len(keyed) == 0 {
		return nil
	}
	var strays []inputRecord
	for _, r := range keyed {
		if partitionOf(kafka.Murmur2Balancer{}, r.raw.key, partitions) != r.raw.partition {
			strays = append(strays, r)
		}
	}
	if len(strays) == 0 {
		return nil
	}
	evidence := []string{"not where murmur2 puts their key: " + share(len(strays), len(keyed), "record")}
	if whole := explainedBy(keyed, partitions); whole != nil {
		return []Finding{{"partitioner-other", Info, "the producers choose partitions by " + whole.name + ", not by murmur2", append(evidence, "all of them match "+whole.name),
			"nothing, while all producers of the topic do the same: flows stay whole. serveflow ship and send use murmur2; to mix, change the others. " + whole.name + " is that of " + whole.who}}
	}
	remedy := "let all producers use one partitioner, best murmur2 (librdkafka: partitioner=murmur2_random)"
	if p := explainedBy(strays, partitions); p != nil {
		evidence = append(evidence, "those match "+p.name+": two kinds of producer write here")
		remedy = "let all producers use murmur2. " + p.name + " is that of " + p.who
	} else if n := earlierPartitions(strays, partitions); n > 0 {
		evidence = append(evidence, fmt.Sprintf("those match murmur2 over %d partitions: there were %d once", n, n))
		remedy = "nothing, once the records from before have been read; add partitions only while nothing is written"
	} else {
		evidence = append(evidence, "those match no partitioner that is known here")
	}
	example := strays[0]
	evidence = append(evidence, fmt.Sprintf("%s: murmur2 puts %.64q on partition %d", example.at(), example.raw.key, partitionOf(kafka.Murmur2Balancer{}, example.raw.key, partitions)))
	return []Finding{{"partitioners-mixed", Fault, "producers disagree on which partition a key belongs to", evidence, remedy}}
}

// explainedBy returns the partitioner, other than murmur2, that gives every record's
// partition; nil if there is none.
func explainedBy(records []inputRecord, partitions int) *partitioner {
	const enough = 8 // fewer records match a partitioner by chance
	if len(records) < enough {
		return nil
	}
	for _, p := range partitioners()[1:] {
		if matchesAll(p.balancer, records, partitions) {
			return &p
		}
	}
	return nil
}

// earlierPartitions returns a smaller number of partitions with which murmur2 gives every
// record's partition; 0 if there is none.
func earlierPartitions(records []inputRecord, partitions int) int {
	for n := partitions - 1; n > 0; n-- {
		if matchesAll(kafka.Murmur2Balancer{}, records, n) {
			return n
		}
	}
	return 0
}

func matchesAll(b kafka.Balancer, records []inputRecord, partitions int) bool {
	for _, r := range records {
		if partitionOf(b, r.raw.key, partitions) != r.raw.partition {
			return false
		}
	}
	return true
}

// partitionOf returns the partition, of n, that a balancer gives a key.
func partitionOf(b kafka.Balancer, key []byte, n int) int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return b.Balance(kafka.Message{Key: key}, all...)
}
