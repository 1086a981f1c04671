package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// newTestVerifier returns a verifier without a broker. Three flows of one template were sent,
// which began at offsets 0, 10 and 20 of partition 0. The bundle has another version, d2, which
// is a little less sure.
func newTestVerifier() *verifier {
	want := label{Label: "dns", Stage: "first", Packets: 1, Reason: "confident", Final: true, Seq: 3, probs: probabilities{Confidence: .9}}
	other := want
	other.Digest, other.probs.Confidence = "d2", .8
	h := &harness{cfg: harnessConfig{partitions: 1}, templates: []*template{{want: want, wants: map[string]label{"d2": other}}},
		sent: &sentLog{tag: "test", began: time.Now(), written: make([][]int32, 1)}}
	for i := range 3 {
		h.sent.begin(int64(i)*1e6, 0, 0)
		h.sent.acknowledged([]outgoing{{flow: i, silentSince: time.Now().UnixMicro()}}, int64(i)*10)
	}
	return newVerifier(h)
}

// giveLabel gives the verifier replay's label of a flow, with replacements: pairs of old and
// new text.
func (v *verifier) giveLabel(flow int, replace ...string) {
	text := fmt.Sprintf(`{"label_id":"id%d","uid":%q,"label":"dns","stage":"first","packets":1,"reason":"confident","final":true,"seq":3,`+
		`"confidence":0.9,"ts_first":%d.000000,"ts_packet":%d.000000}`, flow, v.harness.sent.uid(flow), flow, flow)
	text = strings.NewReplacer(replace...).Replace(text)
	key, _, _ := strings.Cut(text[strings.Index(text, `"uid":"`)+7:], `"`)
	v.checkLabel(&kafka.Record{Key: kafka.NewBytes([]byte(key)), Value: kafka.NewBytes([]byte(text))})
}

// giveProvisional gives the verifier a provisional label of a flow.
func (v *verifier) giveProvisional(flow, seq int, id string) {
	v.giveLabel(flow, `"final":true`, `"final":false`, `"seq":3`, fmt.Sprintf(`"seq":%d`, seq), `:"id`, `:"`+id)
}

// delayRecord records that a flow's next record was written so much too late.
func (v *verifier) delayRecord(flow, milliseconds int) {
	since := time.Now().Add(-time.Duration(milliseconds) * time.Millisecond).UnixMicro()
	v.harness.sent.acknowledged([]outgoing{{flow: flow, silentSince: since}}, 30)
}

// The verifier counts each kind of failure as what it is, and none where there is none.
func TestVerifierTellsFaultsApart(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(v *verifier)
		want    result
	}{
		"nothing":                       {func(v *verifier) { v.giveLabel(0); v.checkCommits(map[int]int64{0: 10}) }, result{}},
		"an equal duplicate":            {func(v *verifier) { v.giveLabel(0); v.giveLabel(0) }, result{duplicates: 1}},
		"another label the second time": {func(v *verifier) { v.giveLabel(0); v.giveLabel(0, `"dns"`, `"http"`) }, result{duplicates: 1, unequalDuplicates: 1}},
		"another id the second time":    {func(v *verifier) { v.giveLabel(0); v.giveLabel(0, "id0", "id9") }, result{duplicates: 1, unequalDuplicates: 1}},
		"other than by replay":          {func(v *verifier) { v.giveLabel(0, `"packets":1`, `"packets":2`) }, result{mismatches: 1}},
		"another time":                  {func(v *verifier) { v.giveLabel(1, `1.000000`, `1.000001`) }, result{mismatches: 1}},
		"a little less sure":            {func(v *verifier) { v.giveLabel(0, `0.9`, `0.899999`) }, result{mismatches: 1}},
		"by another version":            {func(v *verifier) { v.giveLabel(0, `0.9`, `0.8,"bundle_digest":"d2"`) }, result{}},
		"another version's answer":      {func(v *verifier) { v.giveLabel(0, `0.9`, `0.9,"bundle_digest":"d2"`) }, result{mismatches: 1}},
		"by two versions": {func(v *verifier) { v.giveLabel(0); v.giveLabel(0, "id0", "id9", `0.9`, `0.8,"bundle_digest":"d2"`) },
			result{duplicates: 1, unequalDuplicates: 1}},
		"degraded":                     {func(v *verifier) { v.giveLabel(0, `"confident"`, `"degraded"`) }, result{exceptions: 1}},
		"breaker, then as by replay":   {func(v *verifier) { v.giveLabel(0, `"confident"`, `"breaker"`); v.giveLabel(0) }, result{duplicates: 1, exceptions: 1, excusedDuplicates: 1}},
		"cut short by a clock":         {func(v *verifier) { v.giveLabel(0, `"confident"`, `"timeout"`) }, result{mismatches: 1}},
		"cut short by its producer":    {func(v *verifier) { v.giveLabel(0, `"confident"`, `"timeout"`); v.delayRecord(0, 1300) }, result{truncated: 1}},
		"silent for as long as it may": {func(v *verifier) { v.giveLabel(0, `"confident"`, `"timeout"`); v.delayRecord(0, 1200) }, result{mismatches: 1}},
		"provisional before final":     {func(v *verifier) { v.giveProvisional(0, 0, "e"); v.giveProvisional(0, 0, "e"); v.giveLabel(0) }, result{provisional: 2}},
		"provisional after final":      {func(v *verifier) { v.giveLabel(0); v.giveProvisional(0, 0, "e") }, result{provisional: 1, provisionalAfterFinal: 1, misordered: 1}},
		"and final once more":          {func(v *verifier) { v.giveLabel(0); v.giveProvisional(0, 0, "e"); v.giveLabel(0) }, result{duplicates: 1, provisional: 1, provisionalAfterFinal: 1}},
		"provisional with final's seq": {func(v *verifier) { v.giveProvisional(0, 3, "e"); v.giveLabel(0) }, result{provisional: 1, misordered: 1}},
		"provisional of another id":    {func(v *verifier) { v.giveProvisional(0, 0, "e"); v.giveProvisional(0, 0, "f"); v.giveLabel(0) }, result{provisional: 2, unequalDuplicates: 1}},
		"a uid that was not sent":      {func(v *verifier) { v.giveLabel(0, "test000000000", "test000000003") }, result{unknownLabels: 1}},
		"a uid of another row":         {func(v *verifier) { v.giveLabel(0, "test", "tset") }, result{unknownLabels: 1}},
		"no label record":              {func(v *verifier) { v.giveLabel(0, "{", "") }, result{unknownLabels: 1}},
		"a commit above a flow":        {func(v *verifier) { v.giveLabel(0); v.checkCommits(map[int]int64{0: 11}) }, result{commitsAhead: 1}},
		"a label after the commit":     {func(v *verifier) { v.checkCommits(map[int]int64{0: 1}); v.giveLabel(0) }, result{commitsAhead: 1}},
		"a commit that goes back": {func(v *verifier) {
			v.giveLabel(0)
			v.checkCommits(map[int]int64{0: 10})
			v.checkCommits(map[int]int64{0: 9})
		}, result{commitsBack: 1}},
		"a commit again at the same one": {func(v *verifier) {
			v.giveLabel(0)
			v.checkCommits(map[int]int64{0: 10})
			v.checkCommits(map[int]int64{0: 10})
		}, result{}},
	} {
		t.Run(name, func(t *testing.T) {
			v := newTestVerifier()
			c.happens(v)
			v.checkTruncated()
			v.checkOrder()
			got := v.result
			faults := got.unequalDuplicates + got.mismatches + got.misordered + got.unknownLabels + got.commitsAhead + got.commitsBack
			if len(got.failures) != faults {
				t.Errorf("%d faults are told of, %d counted", len(got.failures), faults)
			}
			got.maxWait, got.slowest, got.deadLetters, got.failures = 0, "", nil, nil
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%+v\nwant %+v", got, c.want)
			}
		})
	}
}

// The slow stage's probabilities may differ by a millionth, and not by more.
func TestVerifierAllowsTheSlowStageAMillionth(t *testing.T) {
	for confidence, differ := range map[string]int{"0.9": 0, "0.900001": 0, "0.900002": 1} {
		v := newTestVerifier()
		v.harness.templates[0].want.Stage = "slow"
		v.giveLabel(0, `"first"`, `"slow"`, "0.9", confidence)
		if v.result.mismatches != differ {
			t.Errorf("confidence %s instead of 0.9: %v", confidence, v.result.failures)
		}
	}
}

func TestUnlabelledFlowsAreLost(t *testing.T) {
	v := newTestVerifier()
	v.giveLabel(1)
	if lost := v.unlabelledOf(3); lost != 2 {
		t.Errorf("%d are lost, want 2", lost)
	}
}
