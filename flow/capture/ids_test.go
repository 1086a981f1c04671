package capture

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/gopacket/gopacket/layers"

	"github.com/serveflow/serveflow/flow/zeek"
)

// traffic is packets of flows that begin alike: few hosts and ports, few times, no
// payload.
func traffic(t *testing.T, rng *rand.Rand, n int) []testPacket {
	t.Helper()
	var packets []testPacket
	at := int64(captureStart * 1e6)
	for range n {
		at += []int64{0, 0, 1, 1000, 61e6, 400e6}[rng.IntN(6)]
		src, dst := netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", rng.IntN(3))), netip.MustParseAddr("198.51.100.9")
		port := 40000 + rng.IntN(2)
		var data []byte
		if rng.IntN(2) == 0 {
			data = ipBytes(t, src, dst, layers.IPProtocolUDP, &layers.UDP{SrcPort: layers.UDPPort(port), DstPort: 7777})
		} else {
			flags := rng.IntN(4)
			data = ipBytes(t, src, dst, layers.IPProtocolTCP, &layers.TCP{SrcPort: layers.TCPPort(port), DstPort: 80,
				SYN: flags == 0, FIN: flags == 1, RST: flags == 2, Seq: uint32(rng.IntN(2)), ACK: flags > 0})
		}
		packets = append(packets, testPacket{at, data})
	}
	return packets
}

// uidsOf converts packets and returns the uids in the order in which the flows end.
func uidsOf(t *testing.T, packets []testPacket, ids *IDs, maxFlows int) (uids []string) {
	t.Helper()
	w := newNG(byteOrders[0]).iface(101, 0).packets(0, packets)
	check := newChecker(t)
	stats, err := Convert(bytes.NewReader(w.b), Options{MaxFlows: maxFlows, IDs: ids}, func(rec *zeek.Record, sum *zeek.Summary) error {
		if sum != nil {
			uids = append(uids, string(rec.UID))
		}
		return check.record(rec, sum)
	})
	if check.done(stats); err != nil || len(uids) != stats.Flows || stats.LeftOut.Total() != 0 {
		t.Fatalf("%v, %d uids, %+v", err, len(uids), stats)
	}
	return uids
}

// Every flow has a uid of its own, in captures that are joined, reversed, cut or shuffled,
// whatever the clock does there, and over captures that share their IDs.
func TestUIDsAreUnique(t *testing.T) {
	for seed := range uint64(15) {
		rng := rand.New(rand.NewPCG(seed, 7))
		a, b := traffic(t, rng, 60), traffic(t, rng, 60)
		reversed := slices.Clone(a)
		slices.Reverse(reversed)
		shuffled := slices.Clone(a)
		rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		still := slices.Clone(a)
		for i := range still {
			still[i].ts = 0
		}
		for name, packets := range map[string][]testPacket{
			"plain": a, "reversed": reversed, "shuffled": shuffled, "at one time": slices.Repeat(still, 8),
			"joined": slices.Concat(a, b), "twice": slices.Concat(a, a), "there and back": slices.Concat(a, reversed, shuffled),
			"cut": slices.Concat(a[:rng.IntN(len(a))], a[rng.IntN(len(a)):], b[:rng.IntN(len(b))]),
		} {
			for _, maxFlows := range []int{0, 1, 3} {
				uids := uidsOf(t, packets, nil, maxFlows)
				again := uidsOf(t, packets, nil, maxFlows)
				if n := distinct(uids); n != len(uids) || !slices.Equal(uids, again) {
					t.Fatalf("seed %d, %s: %d flows, %d uids; the same again: %v", seed, name, len(uids), n, slices.Equal(uids, again))
				}
			}
		}
		var ids IDs
		together := slices.Concat(uidsOf(t, a, &ids, 0), uidsOf(t, b, &ids, 0), uidsOf(t, a, &ids, 0))
		if n := distinct(together); n != len(together) {
			t.Fatalf("seed %d: %d flows of three captures, %d uids", seed, len(together), n)
		}
	}
}

// A capture that is cut has the uids of the whole one, as far as it goes.
func TestUIDsOfACutCapture(t *testing.T) {
	packets := traffic(t, rand.New(rand.NewPCG(1, 7)), 100)
	whole := uidsOf(t, packets, nil, 0)
	for n := range packets {
		for _, uid := range uidsOf(t, packets[:n+1], nil, 0) {
			if !slices.Contains(whole, uid) {
				t.Fatalf("%s after %d packets is not among those of all", uid, n+1)
			}
		}
	}
}

func distinct(uids []string) int {
	set := make(map[string]bool)
	for _, uid := range uids {
		set[uid] = true
	}
	return len(set)
}
