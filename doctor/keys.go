package doctor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/segmentio/kafka-go"
)

// partitioner is one way of producers to choose a key's partition.
type partitioner struct {
	name     string
	balancer kafka.Balancer
	who      string // who does so, and how to change it
}

func partitioners() []partitioner {
	return []partitioner{
		{"murmur2", kafka.Murmur2Balancer{}, "the Java clients"},
		{"crc32", kafka.CRC32Balancer{}, "librdkafka's default (Vector, and clients of many languages): set partitioner=murmur2_random there"},
		{"fnv1a", &kafka.Hash{}, "Sarama and kafka-go's Hash (Filebeat's partition.hash): choose murmur2 where the producer can, else put serveflow rekey behind it"},
		{"fnv1a, sign bit cleared", &kafka.ReferenceHash{}, "Sarama's and kafka-go's reference hash: choose murmur2 where the producer can, else put serveflow rekey behind it"},
	}
}

// judgeKeys judges how records are keyed and spread over the partitions.
func judgeKeys(ours []seen, partitions int) []Finding {
	var keyless, other int
	var keyed []seen
	var odd string
	for _, r := range ours {
		switch {
		case len(r.key) == 0:
			keyless++
			continue
		case string(r.key) != r.uid:
			if other++; other == 1 {
				odd = fmt.Sprintf("%s: the key is %.64q, the uid %s", r.at(), r.key, r.uid)
			}
		}
		keyed = append(keyed, r)
	}
	apart := slices.DeleteFunc(rebuild(ours), func(f *flow) bool { return !f.split() })
	var found []Finding
	if keyless > 0 {
		found = append(found, Finding{"no-key", Fault, "records have no key: a flow's records go to any partition", []string{share(keyless, len(ours), "record")},
			"key by uid: serveflow ship does; Vector: key_field = \"uid\"; Filebeat: key: '%{[uid]}'; zeek-kafka cannot: put serveflow rekey behind it"})
		if partitions == 1 {
			found[0].Severity = Warn
		}
	}
	if other > 0 {
		f := Finding{"key-not-uid", Warn, "records are keyed by something other than their uid", []string{share(other, len(ours), "record"), odd},
			"key by uid, in exactly its bytes; or put serveflow rekey behind the producer"}
		if len(apart) > 0 {
			f.Severity = Fault
		}
		found = append(found, f)
	}
	found = append(found, judgeSplit(apart, ours)...)
	return append(found, judgePartitioner(keyed, partitions)...)
}

// judgeSplit tells of flows that lie on several partitions.
func judgeSplit(apart []*flow, ours []seen) []Finding {
	if len(apart) == 0 {
		return nil
	}
	uids := make(map[string]bool)
	for _, r := range ours {
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

// judgePartitioner tells which partitioner the producers use.
func judgePartitioner(keyed []seen, partitions int) []Finding {
	if partitions < 2 || len(keyed) == 0 {
		return nil
	}
	var strays []seen
	for _, r := range keyed {
		if place(kafka.Murmur2Balancer{}, r.key, partitions) != r.partition {
			strays = append(strays, r)
		}
	}
	if len(strays) == 0 {
		return nil
	}
	evidence := []string{"not where murmur2 puts their key: " + share(len(strays), len(keyed), "record")}
	if whole := matching(keyed, partitions); whole != nil {
		return []Finding{{"partitioner-other", Info, "the producers choose partitions by " + whole.name + ", not by murmur2", append(evidence, "all of them match "+whole.name),
			"nothing, while all producers of the topic do the same: flows stay whole. serveflow ship and send use murmur2; to mix, change the others. " + whole.name + " is that of " + whole.who}}
	}
	remedy := "let all producers use one partitioner, best murmur2 (librdkafka: partitioner=murmur2_random)"
	if p := matching(strays, partitions); p != nil {
		evidence = append(evidence, "those match "+p.name+": two kinds of producer write here")
		remedy = "let all producers use murmur2. " + p.name + " is that of " + p.who
	} else if n := grown(strays, partitions); n > 0 {
		evidence = append(evidence, fmt.Sprintf("those match murmur2 over %d partitions: there were %d once", n, n))
		remedy = "nothing, once the records from before have been read; add partitions only while nothing is written"
	} else {
		evidence = append(evidence, "those match no partitioner that is known here")
	}
	example := strays[0]
	evidence = append(evidence, fmt.Sprintf("%s: murmur2 puts %.64q on partition %d", example.at(), example.key, place(kafka.Murmur2Balancer{}, example.key, partitions)))
	return []Finding{{"partitioners-mixed", Fault, "producers disagree on which partition a key belongs to", evidence, remedy}}
}

// matching gives the partitioner, other than murmur2, that explains where every record lies.
func matching(records []seen, partitions int) *partitioner {
	const enough = 8 // fewer match anything by chance
	if len(records) < enough {
		return nil
	}
	for _, p := range partitioners()[1:] {
		if fits(p.balancer, records, partitions) {
			return &p
		}
	}
	return nil
}

// grown gives the smaller number of partitions over which murmur2 explains where the records lie; 0 if none.
func grown(records []seen, partitions int) int {
	for n := partitions - 1; n > 0; n-- {
		if fits(kafka.Murmur2Balancer{}, records, n) {
			return n
		}
	}
	return 0
}

func fits(b kafka.Balancer, records []seen, partitions int) bool {
	for _, r := range records {
		if place(b, r.key, partitions) != r.partition {
			return false
		}
	}
	return true
}

// place is the partition of n that a balancer gives a key.
func place(b kafka.Balancer, key []byte, n int) int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return b.Balance(kafka.Message{Key: key}, all...)
}
