package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// court is a verifier of three flows of one template, without a broker: they began
// at offsets 0, 10 and 20 of partition 0.
func court() *verifier {
	want := label{Label: "dns", Stage: "first", Packets: 1, Reason: "confident", Final: true, Seq: 3, p: probabilities{Confidence: .9}}
	c := &scene{setup: setup{partitions: 1}, templates: []*template{{want: want}},
		sent: &manifest{tag: "test", began: time.Now(), written: make([][]int32, 1)}}
	for i := range 3 {
		c.sent.open(int64(i)*1e6, 0, 0)
		c.sent.wrote([]outgoing{{flow: i, since: time.Now().UnixMicro()}}, int64(i)*10)
	}
	return newVerifier(c)
}

// says gives the verifier a label of a flow, with fields put in place of what
// replay says.
func (v *verifier) says(flow int, replace ...string) {
	text := fmt.Sprintf(`{"label_id":"id%d","uid":%q,"label":"dns","stage":"first","packets":1,"reason":"confident","final":true,"seq":3,`+
		`"confidence":0.9,"ts_first":%d.000000,"ts_packet":%d.000000}`, flow, v.sent.uid(flow), flow, flow)
	text = strings.NewReplacer(replace...).Replace(text)
	key, _, _ := strings.Cut(text[strings.Index(text, `"uid":"`)+7:], `"`)
	v.label(&kafka.Record{Key: kafka.NewBytes([]byte(key)), Value: kafka.NewBytes([]byte(text))})
}

// early gives the verifier a provisional label of a flow.
func (v *verifier) early(flow, seq int, id string) {
	v.says(flow, `"final":true`, `"final":false`, `"seq":3`, fmt.Sprintf(`"seq":%d`, seq), `:"id`, `:"`+id)
}

// silent has the producer learn that a flow's next record came so late.
func (v *verifier) silent(flow, milliseconds int) {
	since := time.Now().Add(-time.Duration(milliseconds) * time.Millisecond).UnixMicro()
	v.sent.wrote([]outgoing{{flow: flow, since: since}}, 30)
}

// The verifier counts each kind of fault as that, and nothing where there is none.
func TestVerifierTellsFaultsApart(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(v *verifier)
		want    tally
	}{
		"nothing":                        {func(v *verifier) { v.says(0); v.judge(map[int]int64{0: 10}) }, tally{}},
		"an equal duplicate":             {func(v *verifier) { v.says(0); v.says(0) }, tally{duplicates: 1}},
		"another label the second time":  {func(v *verifier) { v.says(0); v.says(0, `"dns"`, `"http"`) }, tally{duplicates: 1, unequal: 1}},
		"another id the second time":     {func(v *verifier) { v.says(0); v.says(0, "id0", "id9") }, tally{duplicates: 1, unequal: 1}},
		"other than by replay":           {func(v *verifier) { v.says(0, `"packets":1`, `"packets":2`) }, tally{differ: 1}},
		"another time":                   {func(v *verifier) { v.says(1, `1.000000`, `1.000001`) }, tally{differ: 1}},
		"a little less sure":             {func(v *verifier) { v.says(0, `0.9`, `0.899999`) }, tally{differ: 1}},
		"degraded":                       {func(v *verifier) { v.says(0, `"confident"`, `"degraded"`) }, tally{exceptions: 1}},
		"breaker, then as by replay":     {func(v *verifier) { v.says(0, `"confident"`, `"breaker"`); v.says(0) }, tally{duplicates: 1, exceptions: 1, otherwise: 1}},
		"cut short by a clock":           {func(v *verifier) { v.says(0, `"confident"`, `"timeout"`) }, tally{differ: 1}},
		"cut short by its producer":      {func(v *verifier) { v.says(0, `"confident"`, `"timeout"`); v.silent(0, 3001) }, tally{cut: 1}},
		"silent for as long as it may":   {func(v *verifier) { v.says(0, `"confident"`, `"timeout"`); v.silent(0, 2900) }, tally{differ: 1}},
		"provisional before final":       {func(v *verifier) { v.early(0, 0, "e"); v.early(0, 0, "e"); v.says(0) }, tally{provisional: 2}},
		"provisional after final":        {func(v *verifier) { v.says(0); v.early(0, 0, "e") }, tally{provisional: 1, behind: 1, late: 1}},
		"and final once more":            {func(v *verifier) { v.says(0); v.early(0, 0, "e"); v.says(0) }, tally{duplicates: 1, provisional: 1, behind: 1}},
		"provisional with final's seq":   {func(v *verifier) { v.early(0, 3, "e"); v.says(0) }, tally{provisional: 1, late: 1}},
		"provisional of another id":      {func(v *verifier) { v.early(0, 0, "e"); v.early(0, 0, "f"); v.says(0) }, tally{provisional: 2, unequal: 1}},
		"a uid that was not sent":        {func(v *verifier) { v.says(0, "test000000000", "test000000003") }, tally{unknown: 1}},
		"a uid of another scene":         {func(v *verifier) { v.says(0, "test", "tset") }, tally{unknown: 1}},
		"no label record":                {func(v *verifier) { v.says(0, "{", "") }, tally{unknown: 1}},
		"a commit above a flow":          {func(v *verifier) { v.says(0); v.judge(map[int]int64{0: 11}) }, tally{above: 1}},
		"a label after the commit":       {func(v *verifier) { v.judge(map[int]int64{0: 1}); v.says(0) }, tally{above: 1}},
		"a commit that goes back":        {func(v *verifier) { v.says(0); v.judge(map[int]int64{0: 10}); v.judge(map[int]int64{0: 9}) }, tally{back: 1}},
		"a commit again at the same one": {func(v *verifier) { v.says(0); v.judge(map[int]int64{0: 10}); v.judge(map[int]int64{0: 10}) }, tally{}},
	} {
		t.Run(name, func(t *testing.T) {
			v := court()
			c.happens(v)
			v.cut()
			v.order()
			got := v.tally
			faults := got.unequal + got.differ + got.late + got.unknown + got.above + got.back
			if len(got.faults) != faults {
				t.Errorf("%d faults are told of, %d counted", len(got.faults), faults)
			}
			got.wait, got.slowest, got.dead, got.faults = 0, "", nil, nil
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%+v\nwant %+v", got, c.want)
			}
		})
	}
}

// The slow stage's probabilities may be a millionth apart, and no more.
func TestVerifierAllowsTheSlowStageAMillionth(t *testing.T) {
	for confidence, differ := range map[string]int{"0.9": 0, "0.900001": 0, "0.900002": 1} {
		v := court()
		v.templates[0].want.Stage = "slow"
		v.says(0, `"first"`, `"slow"`, "0.9", confidence)
		if v.tally.differ != differ {
			t.Errorf("confidence %s instead of 0.9: %v", confidence, v.tally.faults)
		}
	}
}

func TestUnlabelledFlowsAreLost(t *testing.T) {
	v := court()
	v.says(1)
	if lost := v.open(3); lost != 2 {
		t.Errorf("%d are lost, want 2", lost)
	}
}
