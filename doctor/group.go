package doctor

import (
	"errors"
	"fmt"
	"strings"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kmsg"

	consumergroup "github.com/serveflow/serveflow/consumer/group"
)

// group is the cluster's description of the consumer group.
type group struct {
	err        error // kafka.Error: this client may not see it
	found      bool  // a broker is its coordinator
	state      string
	members    []string      // client id and host of each
	others     []string      // those of them that serve something else than these settings, and what
	silent     []string      // those that do not say what they serve
	operations int32         // the allowed operations, as those of a topic
	committed  map[int]int64 // by partition; no entry where none is committed
}

// group asks every broker for the group, and the group's coordinator answers. It does
// not look the coordinator up, because that creates the topic of committed offsets where
// there is none.
func (cl *cluster) group(input *topic) *group {
	g := &group{operations: unknownOperations, committed: make(map[int]int64)}
	for _, conn := range cl.conns {
		req := kmsg.NewPtrDescribeGroupsRequest()
		req.Groups, req.IncludeAuthorizedOperations = []string{cl.cfg.Group}, true
		resp, err := conn.ask(req, groupsVersion)
		if err != nil {
			continue
		}
		for _, d := range resp.(*kmsg.DescribeGroupsResponse).Groups {
			if notCoordinator(d.ErrorCode) {
				continue
			}
			cl.describeGroup(g, conn, input, d)
			return g
		}
	}
	return g
}

// notCoordinator reports whether an error code says that the broker is not the group's
// coordinator.
func notCoordinator(code int16) bool {
	switch kafka.Error(code) {
	case kafka.NotCoordinatorForGroup, kafka.GroupCoordinatorNotAvailable, kafka.GroupLoadInProgress:
		return true
	}
	return false
}

func (cl *cluster) describeGroup(g *group, conn *brokerConn, input *topic, d kmsg.DescribeGroupsResponseGroup) {
	g.found, g.state = true, d.State
	if d.ErrorCode != 0 && !errors.Is(kafka.Error(d.ErrorCode), kafka.GroupIdNotFound) {
		g.err = kafka.Error(d.ErrorCode)
		return
	}
	if conn.apis[int16(kmsg.DescribeGroups)].newest >= groupsVersion {
		g.operations = d.AuthorizedOperations
	}
	for _, m := range d.Members {
		g.addMember(cl.cfg, m)
	}
	if input.ok() {
		cl.committed(g, conn, input)
	}
}

// addMember takes down a member, and whether it serves what these settings want. A bundle
// that could not be loaded here cannot be compared, and bundles that may be mixed are not.
func (g *group) addMember(c *Config, m kmsg.DescribeGroupsResponseGroupMember) {
	name := m.ClientID + " at " + strings.TrimPrefix(m.ClientHost, "/")
	g.members = append(g.members, name)
	if len(m.ProtocolMetadata) == 0 {
		return // it is just joining
	}
	var metadata kmsg.ConsumerMemberMetadata
	// kafka-go names version 1 and leaves out the fields that came with it, so an error is
	// usual. What the member says of itself stands before those.
	_ = metadata.ReadFrom(m.ProtocolMetadata)
	want, anyBundle := c.Purpose, c.MixedBundles || c.Purpose.Bundle == ""
	switch purpose, ok := consumergroup.ReadPurpose(metadata.UserData); {
	case !ok:
		g.silent = append(g.silent, name)
	case purpose.Task != want.Task || purpose.Output != want.Output || purpose.Bundle != want.Bundle && !anyBundle:
		g.others = append(g.others, name+": "+purpose.String())
	}
}

func (cl *cluster) committed(g *group, conn *brokerConn, input *topic) {
	t := kmsg.NewOffsetFetchRequestTopic()
	t.Topic = input.name
	for _, p := range input.partitions {
		t.Partitions = append(t.Partitions, int32(p.id))
	}
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group, req.Topics = cl.cfg.Group, []kmsg.OffsetFetchRequestTopic{t}
	resp, err := conn.ask(req, offsetFetchVersion)
	if err != nil {
		return
	}
	fetched := resp.(*kmsg.OffsetFetchResponse)
	if fetched.ErrorCode != 0 && !errors.Is(kafka.Error(fetched.ErrorCode), kafka.GroupIdNotFound) {
		g.err = kafka.Error(fetched.ErrorCode)
	}
	for _, t := range fetched.Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode == 0 && p.Offset >= 0 {
				g.committed[int(p.Partition)] = p.Offset
			}
		}
	}
}

// lagThreshold is the smallest lag that is a finding, in records.
const lagThreshold = 10_000

// checkGroup checks the group: its access, its committed offsets and its members.
func checkGroup(c *Config, input *topic, g *group) []Finding {
	if g.err != nil {
		return []Finding{{"group-denied", Fault, "group " + c.Group + " may not be looked at, and so not joined", []string{"the cluster says: " + g.err.Error()},
			"grant it: " + allow(c, "READ", "--group "+c.Group)}}
	}
	var found []Finding
	if g.found && g.operations != unknownOperations && g.operations&mayRead == 0 {
		found = append(found, Finding{"group-denied", Fault, "this client has no READ on group " + c.Group + ": it cannot join it or commit",
			[]string{"allowed operations, as the broker lists them: " + operations(g.operations)},
			"grant it: " + allow(c, "READ", "--group "+c.Group)})
	}
	if !input.ok() {
		return found
	}
	found = append(found, checkOffsets(c, input, g)...)
	if g.others != nil {
		found = append(found, Finding{"group-other-task", Fault, "group " + c.Group + " serves something else than these settings: a member that is started with them is not let in",
			append(firstLines(g.others), "these settings: "+c.Purpose.String()),
			"give each task a group of its own by SERVEFLOW_GROUP; where only the bundle differs, stop the members and start them with the new one, or set SERVEFLOW_MIXED_BUNDLES=true for all"})
	}
	if g.silent != nil {
		found = append(found, Finding{"group-foreign", Warn, "group " + c.Group + " has members that do not say what they serve: each takes a part of the flows away", firstLines(g.silent),
			"stop them where they are another program or an older ServeFlow, or choose another SERVEFLOW_GROUP"})
	}
	switch {
	case len(g.members) == 0:
		found = append(found, Finding{"no-members", Info, "group " + c.Group + " has no members: nobody labels", []string{"state: " + orNone(g.state)}, "start serveflow run"})
	case len(g.members) > len(input.partitions):
		found = append(found, Finding{"idle-members", Info, fmt.Sprintf("group %s has %s for %s: some have nothing to do", c.Group, plural(len(g.members), "member"), plural(len(input.partitions), "partition")),
			[]string{joinSome(g.members, 5)}, "stop some, or add partitions while nothing is written"})
	}
	return found
}

func orNone(state string) string {
	if state == "" || state == "Dead" { // Kafka's word for a group that it does not know
		return "none"
	}
	return state
}

// offsetState holds evidence on a group's committed offsets: one line for each partition
// with a problem.
type offsetState struct {
	deleted, beyond, near, none, lags []string
	lag                               int64
}

func (g *group) compareOffsets(input *topic) (s offsetState) {
	for _, p := range input.partitions {
		at, ok := g.committed[p.id]
		switch line := fmt.Sprintf("partition %d: committed %d, the log holds %d to %d", p.id, at, p.first, p.end); {
		case p.err != nil:
		case !ok:
			if p.end > p.first {
				s.none = append(s.none, fmt.Sprint(p.id))
			}
		case at < p.first:
			s.deleted = append(s.deleted, line)
		case at > p.end:
			s.beyond = append(s.beyond, line)
		default:
			s.lag += p.end - at
			s.lags = append(s.lags, fmt.Sprintf("%d: %s", p.id, withCommas(p.end-at)))
			if p.first > 0 && p.end-at > 1000 && (at-p.first)*10 < p.end-p.first {
				s.near = append(s.near, line)
			}
		}
	}
	return s
}

func checkOffsets(c *Config, input *topic, g *group) (found []Finding) {
	s := g.compareOffsets(input)
	if s.deleted != nil {
		found = append(found, Finding{"offset-deleted", Fault, "Kafka deleted records before group " + c.Group + " read them", firstLines(s.deleted),
			"lengthen retention; set SERVEFLOW_SKIP_TRUNCATED=true to go on without them, else serveflow run stops there"})
	}
	if s.beyond != nil {
		found = append(found, Finding{"offset-beyond-end", Fault, "group " + c.Group + " has committed offsets behind the log's end: the topic was made anew, or another cluster is asked", firstLines(s.beyond),
			fmt.Sprintf("stop serveflow and reset them: kafka-consumer-groups.sh --bootstrap-server %s --group %s --topic %s --reset-offsets --to-earliest --execute", c.Cluster.Addrs()[0], c.Group, c.Topic)})
	}
	if s.near != nil {
		found = append(found, Finding{"near-deletion", Warn, "group " + c.Group + " reads so far back that Kafka may delete records before it comes to them", firstLines(s.near), "start more members, or lengthen retention"})
	}
	if s.none != nil {
		found = append(found, Finding{"no-offset", Info, "group " + c.Group + " has committed nothing on partitions that hold records", []string{"partitions: " + joinSome(s.none, 10)},
			"nothing, before the first start: it begins at the oldest record"})
	}
	if s.lag >= lagThreshold {
		found = append(found, Finding{"lag", Info, fmt.Sprintf("group %s is %s behind", c.Group, plural(int(s.lag), "record")), []string{"by partition: " + joinSome(s.lags, 12)},
			"look again in a minute: if it grows, start more members, up to the number of partitions"})
	}
	return found
}

// firstLines returns the first few lines of evidence.
func firstLines(lines []string) []string {
	const limit = 5
	if len(lines) > limit {
		return append(lines[:limit:limit], fmt.Sprintf("and %d more", len(lines)-limit))
	}
	return lines
}
