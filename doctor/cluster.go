package doctor

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
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
		wait = min(wait, max(time.Until(deadline)/4, 100*time.Millisecond)) // one dead broker leaves time for the others
	}
	return &cluster{
		cfg: c, knocker: knocker{clientID: c.ClientID, timeout: wait},
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
	for _, addr := range cl.cfg.Brokers {
		cl.knock(ctx, withPort(addr), true)
	}
	for i := range cl.listeners {
		l := &cl.listeners[i]
		w := cl.wires[l.addr]
		if w == nil {
			continue
		}
		meta := cl.describe(w)
		if meta != nil && meta.ClusterID != nil {
			l.cluster = *meta.ClusterID
		}
		if cl.meta == nil {
			cl.meta = meta
		}
	}
	if cl.meta == nil {
		return
	}
	for _, b := range cl.meta.Brokers {
		addr := net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
		if at := cl.knock(ctx, addr, false); at >= 0 {
			cl.listeners[at].node = b.NodeID
		}
		cl.leaders[b.NodeID], cl.addrs[b.NodeID] = cl.wires[addr], addr
	}
}

// withPort adds Kafka's usual port where an address has none, as kafka-go does.
func withPort(addr string) string {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return net.JoinHostPort(strings.Trim(addr, "[]"), "9092")
	}
	return addr
}

// knock asks at an address once, and gives its place among the listeners; -1
// where the look ended first, which says nothing of the address.
func (cl *cluster) knock(ctx context.Context, addr string, named bool) int {
	if at := slices.IndexFunc(cl.listeners, func(l listener) bool { return l.addr == addr }); at >= 0 {
		return at
	}
	l, w := cl.knocker.knock(ctx, addr)
	if w == nil && ctx.Err() != nil {
		return -1
	}
	l.named = named
	cl.listeners = append(cl.listeners, l)
	if w != nil {
		cl.wires[addr] = w
	}
	return len(cl.listeners) - 1
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
