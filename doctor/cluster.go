package doctor

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The newest versions of requests that we read. Later ones leave out what we
// want, or name topics by id.
const (
	metadataVersion    = 8
	listOffsetsVersion = 3
	configsVersion     = 1
	offsetFetchVersion = 5
	groupsVersion      = 3
)

// cluster is the connections to one cluster, and what was learnt by making them.
type cluster struct {
	cfg       *Config
	knocker   knocker
	listeners []listener
	wires     map[string]*wire // by address
	meta      *kmsg.MetadataResponse
	leaders   map[int32]*wire // by node; nil where it cannot be reached
	addrs     map[int32]string
}

func newCluster(ctx context.Context, c *Config) *cluster {
	wait := patience
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, max(time.Until(deadline)/8, 100*time.Millisecond)) // what hangs leaves time for the rest
	}
	return &cluster{
		cfg: c, knocker: knocker{clientID: c.Cluster.ClientID(), timeout: wait},
		wires: make(map[string]*wire), leaders: make(map[int32]*wire), addrs: make(map[int32]string),
	}
}

func (cl *cluster) close() {
	for _, w := range cl.wires {
		w.conn.Close()
	}
}

// knockAll asks at the addresses of the settings, and then at those that the
// cluster itself names.
func (cl *cluster) knockAll(ctx context.Context) {
	var named []string
	for _, addr := range cl.cfg.Cluster.Addrs() {
		named = append(named, withPort(addr))
	}
	cl.knock(ctx, named)
	for i := range cl.listeners {
		l := &cl.listeners[i]
		l.named = true
		if w := cl.wires[l.addr]; w != nil {
			l.cluster = cl.introduce(w)
		}
	}
	if cl.meta == nil {
		return
	}
	var advertised []string
	for _, b := range cl.meta.Brokers {
		addr := net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
		advertised = append(advertised, addr)
		cl.addrs[b.NodeID] = addr
	}
	cl.knock(ctx, advertised)
	for node, addr := range cl.addrs {
		cl.leaders[node] = cl.wires[addr]
		if at := cl.place(addr); at >= 0 {
			cl.listeners[at].node = node
		}
	}
}

// introduce asks a broker for its cluster, and gives that one's id. The first to
// answer is the cluster that is looked at.
func (cl *cluster) introduce(w *wire) (id string) {
	meta := cl.describe(w)
	if cl.meta == nil {
		cl.meta = meta
	}
	if meta == nil || meta.ClusterID == nil {
		return ""
	}
	return *meta.ClusterID
}

// place is where an address lies among the listeners; -1 where it was not asked.
func (cl *cluster) place(addr string) int {
	return slices.IndexFunc(cl.listeners, func(l listener) bool { return l.addr == addr })
}

// knock asks at those addresses that were not asked yet, side by side: a dead one
// takes its time. Where the look ends first, that says nothing of an address.
func (cl *cluster) knock(ctx context.Context, addrs []string) {
	var fresh []string
	for _, addr := range addrs {
		if cl.place(addr) < 0 && !slices.Contains(fresh, addr) {
			fresh = append(fresh, addr)
		}
	}
	found, wires := make([]listener, len(fresh)), make([]*wire, len(fresh))
	var all sync.WaitGroup
	for i, addr := range fresh {
		all.Go(func() { found[i], wires[i] = cl.knocker.knock(ctx, addr) })
	}
	all.Wait()
	for i, l := range found {
		if wires[i] == nil && ctx.Err() != nil {
			continue
		}
		cl.listeners = append(cl.listeners, l)
		if wires[i] != nil {
			cl.wires[l.addr] = wires[i]
		}
	}
}

// withPort adds Kafka's usual port where an address has none, as kafka-go does.
func withPort(addr string) string {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return net.JoinHostPort(strings.Trim(addr, "[]"), "9092")
	}
	return addr
}

// describe asks for the cluster's brokers, our topics, and what we may do to them.
func (cl *cluster) describe(w *wire) *kmsg.MetadataResponse {
	req := kmsg.NewPtrMetadataRequest()
	for _, name := range []string{cl.cfg.Topic, cl.cfg.LabelTopic, cl.cfg.DeadLetterTopic} {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, topic)
	}
	req.AllowAutoTopicCreation = false
	req.IncludeTopicAuthorizedOperations = true
	resp, err := w.ask(req, metadataVersion)
	if err != nil {
		return nil
	}
	return resp.(*kmsg.MetadataResponse)
}

func (cl *cluster) brokers() []Broker {
	all := []Broker{}
	for _, l := range cl.listeners {
		all = append(all, Broker{Addr: l.addr, Node: l.node, Answer: l.answer, Release: l.release})
	}
	return all
}
