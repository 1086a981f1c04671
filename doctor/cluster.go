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

// The newest versions of requests that the doctor uses. Later ones leave out what it
// needs, or name topics by id.
const (
	metadataVersion    = 8
	listOffsetsVersion = 3
	configsVersion     = 1
	offsetFetchVersion = 5
	groupsVersion      = 3
)

// cluster holds the connections to one cluster, and what the brokers told on them.
type cluster struct {
	cfg       *Config
	prober    prober
	listeners []listener
	conns     map[string]*brokerConn // by address
	meta      *kmsg.MetadataResponse
	leaders   map[int32]*brokerConn // by node; nil where the node cannot be reached
	addrs     map[int32]string
}

func newCluster(ctx context.Context, c *Config) *cluster {
	wait := exchangeTimeout
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, max(time.Until(deadline)/8, 100*time.Millisecond)) // a broker that hangs leaves time for the others
	}
	return &cluster{
		cfg: c, prober: prober{cluster: c.Cluster, timeout: wait},
		conns: make(map[string]*brokerConn), leaders: make(map[int32]*brokerConn), addrs: make(map[int32]string),
	}
}

func (cl *cluster) close() {
	for _, conn := range cl.conns {
		conn.conn.Close()
	}
}

// probeAll probes the addresses of the settings, and then those that the cluster
// advertises.
func (cl *cluster) probeAll(ctx context.Context) {
	var configured []string
	for _, addr := range cl.cfg.Cluster.Addrs() {
		configured = append(configured, withPort(addr))
	}
	cl.probe(ctx, configured)
	for i := range cl.listeners {
		l := &cl.listeners[i]
		l.configured = true
		if conn := cl.conns[l.addr]; conn != nil {
			l.cluster = cl.askClusterID(conn)
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
	cl.probe(ctx, advertised)
	for node, addr := range cl.addrs {
		cl.leaders[node] = cl.conns[addr]
		if at := cl.listenerIndex(addr); at >= 0 {
			cl.listeners[at].node = node
		}
	}
}

// askClusterID asks a broker for metadata and returns its cluster's id. The metadata of
// the first broker that answers is the one that is checked.
func (cl *cluster) askClusterID(conn *brokerConn) (id string) {
	meta := cl.describe(conn)
	if cl.meta == nil {
		cl.meta = meta
	}
	if meta == nil || meta.ClusterID == nil {
		return ""
	}
	return *meta.ClusterID
}

// listenerIndex returns the index of an address in listeners; -1 where it was not probed.
func (cl *cluster) listenerIndex(addr string) int {
	return slices.IndexFunc(cl.listeners, func(l listener) bool { return l.addr == addr })
}

// probe probes the addresses that were not probed yet, in parallel, because a dead one
// takes a whole timeout. An address whose probe is cut short by ctx is left out.
func (cl *cluster) probe(ctx context.Context, addrs []string) {
	var fresh []string
	for _, addr := range addrs {
		if cl.listenerIndex(addr) < 0 && !slices.Contains(fresh, addr) {
			fresh = append(fresh, addr)
		}
	}
	found, conns := make([]listener, len(fresh)), make([]*brokerConn, len(fresh))
	var all sync.WaitGroup
	for i, addr := range fresh {
		all.Go(func() { found[i], conns[i] = cl.prober.probe(ctx, addr) })
	}
	all.Wait()
	for i, l := range found {
		if conns[i] == nil && ctx.Err() != nil {
			continue
		}
		cl.listeners = append(cl.listeners, l)
		if conns[i] != nil {
			cl.conns[l.addr] = conns[i]
		}
	}
}

// withPort adds Kafka's default port to an address without a port, as kafka-go does.
func withPort(addr string) string {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return net.JoinHostPort(strings.Trim(addr, "[]"), "9092")
	}
	return addr
}

// describe asks for the cluster's brokers, the topics, and the operations that
// this client may do on them; nil where the broker does not answer.
func (cl *cluster) describe(conn *brokerConn) *kmsg.MetadataResponse {
	req := kmsg.NewPtrMetadataRequest()
	for _, r := range roles(cl.cfg) {
		topic := kmsg.NewMetadataRequestTopic()
		topic.Topic = kmsg.StringPtr(r.topic)
		req.Topics = append(req.Topics, topic)
	}
	req.AllowAutoTopicCreation = false
	req.IncludeTopicAuthorizedOperations = true
	resp, err := conn.ask(req, metadataVersion)
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
