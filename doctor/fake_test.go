package doctor

import (
	"slices"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

func TestHealthyFake(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(spread, input, labels, letters))
	write(t, addr, input, kafka.Murmur2Balancer{}, traffic(60)...)
	r := Look(t.Context(), configFor(addr))
	if !r.Well() || r.Records != 60*perFlow {
		t.Errorf("%d records looked at, wrong %v:\n%s", r.Records, wrong(r), textOf(t, r))
	}
	ids := []string{}
	for _, f := range r.Findings {
		ids = append(ids, f.ID)
	}
	if want := []string{"no-offset", "no-members"}; !slices.Equal(ids, want) {
		t.Errorf("findings %v, want %v", ids, want)
	}
}
