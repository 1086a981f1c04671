package group

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/segmentio/kafka-go"

	"github.com/serveflow/serveflow/internal/brokers"
)

// Purpose is what a member makes of the records that it reads. All members of a group have
// the same: of two that differ, each would get a part of the flows, and none would see all.
type Purpose struct {
	Task   string `json:"task"`             // the question that is asked of every flow; "rekey" where records are rekeyed
	Output string `json:"output"`           // the topic that is written
	Bundle string `json:"bundle,omitempty"` // digest of the bundle, hex
}

// purposeSchema begins the name of the group's protocol, and marks a member's metadata.
const purposeSchema = "serveflow.member/1"

// memberData is what a member tells the group of itself, as JSON.
type memberData struct {
	Schema  string  `json:"schema"`
	Purpose Purpose `json:"purpose"`
}

// String says the purpose in words.
func (p Purpose) String() string {
	text := fmt.Sprintf("task %s, written to %s", p.Task, p.Output)
	if p.Bundle != "" {
		text += fmt.Sprintf(", bundle %.12s", p.Bundle)
	}
	return text
}

// protocol is the name of the group's protocol. The coordinator lets a member in only if
// it has a protocol that every other member has too, so it keeps those out whose purpose
// is another one. Where bundles may be mixed, their digests are left out of the name.
func (p Purpose) protocol(mixedBundles bool) string {
	if mixedBundles {
		p.Bundle = "any"
	}
	return strings.Join([]string{purposeSchema, p.Task, p.Output, p.Bundle}, " ")
}

// balancer assigns ranges of partitions, as kafka-go's does, under the name of a purpose.
type balancer struct {
	ranges       kafka.RangeGroupBalancer
	purpose      Purpose
	mixedBundles bool
}

// balancers are those that the member can do with. The group needs one that all members have.
func (cfg Config) balancers() []kafka.GroupBalancer {
	exact, mixed := balancer{purpose: cfg.Purpose}, balancer{purpose: cfg.Purpose, mixedBundles: true}
	switch {
	case cfg.MixedBundles:
		return []kafka.GroupBalancer{mixed}
	case cfg.Reloads:
		return []kafka.GroupBalancer{exact, mixed}
	}
	return []kafka.GroupBalancer{exact}
}

// ProtocolName is kafka-go's.
func (b balancer) ProtocolName() string { return b.purpose.protocol(b.mixedBundles) }

// UserData is kafka-go's: what the member tells of itself.
func (b balancer) UserData() ([]byte, error) {
	return json.Marshal(memberData{purposeSchema, b.purpose})
}

// AssignGroups is kafka-go's.
func (b balancer) AssignGroups(members []kafka.GroupMember, partitions []kafka.Partition) kafka.GroupMemberAssignments {
	return b.ranges.AssignGroups(members, partitions)
}

// ReadPurpose reads what a member of a group told of itself; false where it is not a
// ServeFlow, or one that is too old to tell.
func ReadPurpose(userData []byte) (Purpose, bool) {
	var data memberData
	if json.Unmarshal(userData, &data) != nil || data.Schema != purposeSchema {
		return Purpose{}, false
	}
	return data.Purpose, true
}

// Refused says why the coordinator did not let the member in, where that is because the
// other members' purpose is another one; else it is err. It asks the coordinator who they are.
func (m *Member) Refused(ctx context.Context, err error) error {
	if !errors.Is(err, kafka.InconsistentGroupProtocol) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, brokers.Timeout)
	defer cancel()
	same := false // the others' purpose is this member's
	with := "members that do not say what they serve: an older ServeFlow, or another program"
	if res, failed := m.client.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{m.cfg.Group}}); failed == nil {
		for _, g := range res.Groups {
			for _, other := range g.Members {
				switch purpose, ok := ReadPurpose(other.MemberMetadata.UserData); {
				case ok && purpose == m.cfg.Purpose:
					same = true
				case ok:
					same = false
					with = fmt.Sprintf("%s at %s: %s", cmp.Or(other.ClientID, "a member"), strings.TrimPrefix(other.ClientHost, "/"), purpose)
				}
			}
		}
	}
	if same {
		return fmt.Errorf("consumer: group %s: its members serve the same, with SERVEFLOW_MIXED_BUNDLES=%t, and this one has %t: set it alike for all of them: %w",
			m.cfg.Group, !m.cfg.MixedBundles, m.cfg.MixedBundles, err)
	}
	return fmt.Errorf("consumer: group %s is at work on something else, with %s; this member: %s. Give each task a group of its own by SERVEFLOW_GROUP; to change the bundle of a running group member by member, set SERVEFLOW_MIXED_BUNDLES=true for all of them: %w",
		m.cfg.Group, with, m.cfg.Purpose, err)
}
