package drift

import (
	"math"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/serveflow/serveflow/internal/metricstest"
)

// reference is of two stages, two classes and a feature in column 1.
func reference() *Reference {
	return &Reference{
		Stages: []Stage{
			{Name: "first", Uncertainty: []int64{500, 0, 0, 0, 0, 0, 0, 0, 0, 500}, Deferred: 500},
			{Name: "slow", Uncertainty: []int64{500, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
		},
		Labels:   []Label{{Name: "a", Flows: 750}, {Name: "b", Flows: 250}},
		Features: []Feature{{Name: "resp_port", Column: 1, Edges: []float32{53, 443}, Flows: []int64{0, 500, 500, 0}}},
	}
}

// feed decides n flows, the first alike of them as the reference's, the others as unlike them
// as can be.
func feed(m *Monitor, n, alike int) {
	for i := range n {
		uid, usual := "C"+strconv.Itoa(i), i < alike
		port, uncertain := float32(53), i%2 == 0
		switch {
		case !usual:
			port, uncertain = absent, true
		case i%4 < 2:
			port = 443
		}
		u := map[bool]float64{true: .9, false: 0}[uncertain]
		m.Predicted(0, uid, []float32{-7, port}, u, uncertain)
		if uncertain {
			m.Predicted(1, uid, []float32{-7, port}, 0, false)
		}
		if usual && i%4 != 0 {
			m.Decided(0)
		} else {
			m.Decided(1)
		}
	}
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		name  string
		alike int
		low   []float64 // bounds of the index, by value
		high  []float64
		share float64
	}{
		{"as in the calibration set", 2000, []float64{0, 0, 0, 0}, []float64{.01, .01, .01, .01}, .5},
		{"a tenth is otherwise", 1800, []float64{0, 0, .01, .1}, []float64{.1, .01, .1, .9}, .55},
		{"all are otherwise", 0, []float64{3, 0, 1, 10}, []float64{20, .01, 20, 40}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := New(reference(), Config{Every: 1, Window: time.Hour})
			feed(m, 2000, c.alike)
			got := m.Values(time.Now())
			names := []string{"uncertainty first", "uncertainty slow", "labels ", "feature resp_port"}
			if len(got) != len(names) {
				t.Fatalf("%+v", got)
			}
			for i, v := range got {
				if name := string(v.Of) + " " + v.Name; name != names[i] || v.PSI < c.low[i] || v.PSI > c.high[i] {
					t.Errorf("%s: %.4f, want %s from %v to %v", name, v.PSI, names[i], c.low[i], c.high[i])
				}
			}
			if v := got[0]; !v.Defers || v.Flows != 2000 || math.Abs(v.Deferred-c.share) > .001 || v.Expected != .5 {
				t.Errorf("%+v", v)
			}
			if got[1].Defers {
				t.Error("the last stage hands flows on")
			}
		})
	}
}

// The index by hand: with half a flow more in each bin.
func TestPSI(t *testing.T) {
	const want = (.75-.25)*1.0986122886681098 + (.25-.75)*-1.0986122886681098 // ln 3
	if got := psi([]int64{1, 0}, []int64{0, 1}); math.Abs(got-want) > 1e-12 {
		t.Errorf("%v, want %v", got, want)
	}
	if got := psi([]int64{3, 4, 0}, []int64{3, 4, 0}); got != 0 {
		t.Errorf("%v of flows that are the same", got)
	}
}

func TestBins(t *testing.T) {
	for u, want := range map[float64]int{0: 0, 1. / 512: 0, 1./512 + 1e-9: 1, 1. / 256: 1, .25: 7, .3: 8, .5: 8, .51: 9, 1: 9} {
		if got := bin(u); got != want {
			t.Errorf("uncertainty %v is in bin %d, want %d", u, got, want)
		}
	}
	f := Feature{Edges: []float32{0, 53.5}}
	for value, want := range map[float32]int{-1: 0, -2: 1, 0: 1, 1: 2, 53.5: 2, 54: 3} {
		if got := f.bin(value); got != want {
			t.Errorf("value %v is in bin %d, want %d", value, got, want)
		}
	}
}

// The window slides: what is older than an hour, and the ten minutes that may come to it,
// does not count.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(reference(), Config{Every: 1, Window: time.Hour})
		flows := func() int64 {
			if all := m.Values(time.Now()); len(all) > 0 {
				return all[0].Flows
			}
			return 0
		}
		var got []int64
		for minute := range 200 {
			if minute == 5 || minute == 95 {
				feed(m, 100, 100)
			}
			if n := flows(); len(got) == 0 || got[len(got)-1] != n {
				got = append(got, n)
			}
			if minute == 64 && flows() != 100 || minute == 75 && flows() != 0 {
				t.Errorf("%d flows after %d minutes", flows(), minute)
			}
			time.Sleep(time.Minute)
		}
		if want := []int64{0, 100, 0, 100, 0}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if len(m.past) > steps+2 {
			t.Errorf("%d snapshots are kept", len(m.past))
		}
	})
}

// One of Every flows has its features counted, whatever their order.
func TestSample(t *testing.T) {
	m := New(reference(), Config{Every: 8, Window: time.Hour})
	feed(m, 16000, 16000)
	all := m.Values(time.Now())
	if n := all[3].Flows; n < 1800 || n > 2200 {
		t.Errorf("%d of 16000 flows have their features counted", n)
	}
	if all[3].PSI > .01 {
		t.Errorf("the sample differs: %v", all[3].PSI)
	}
}

func TestCollector(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	c := NewCollector()
	prometheus.WrapRegistererWith(prometheus.Labels{"task": "service"}, reg).MustRegister(c)
	c.Watch(nil)
	if got := metricstest.Values(t, reg); len(got) != 0 {
		t.Errorf("without a reference: %v", got)
	}
	m := New(reference(), Config{Every: 1, Window: time.Hour})
	c.Watch(m)
	feed(m, minFlows-1, minFlows)
	if got := metricstest.Values(t, reg); len(got) != 0 {
		t.Errorf("of too few flows: %v", got)
	}
	m.Predicted(0, "C", []float32{0, 53}, 0, false)
	got := metricstest.Values(t, reg)
	if got["serveflow_deferred_share{first,service}"] != .5 || got["serveflow_deferred_share_expected{first,service}"] != .5 {
		t.Errorf("%v", got)
	}
	for name := range got {
		if !slices.Contains([]string{"serveflow_deferred_share{first,service}", "serveflow_deferred_share_expected{first,service}",
			"serveflow_drift_psi{first,uncertainty,service}", "serveflow_drift_psi{resp_port,feature,service}"}, name) {
			t.Errorf("%s is there of %d labels", name, minFlows-1)
		}
	}
}

func TestNoReference(t *testing.T) {
	m := New(nil, Config{})
	m.Predicted(0, "C", nil, 0, true)
	m.Decided(3)
	if got := m.Values(time.Now()); m != nil || got != nil {
		t.Errorf("%v", got)
	}
}

// What a flow costs: an answer of the first stage with ten features, and a label.
func BenchmarkFlow(b *testing.B) {
	r := reference()
	for i := range 9 {
		r.Features = append(r.Features, Feature{Name: strconv.Itoa(i), Column: i, Edges: []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}, Flows: make([]int64, 11)})
	}
	uids, row := make([]string, 256), make([]float32, 10)
	for i := range uids {
		uids[i] = "CHhAvVGS1DHFjwGM" + strconv.Itoa(10 + i)[:2]
		row[i%10] = float32(i % 10)
	}
	for _, every := range []uint32{1, 8} {
		b.Run("every="+strconv.Itoa(int(every)), func(b *testing.B) {
			m := New(r, Config{Every: every, Window: time.Hour})
			b.RunParallel(func(p *testing.PB) {
				for i := 0; p.Next(); i++ {
					m.Predicted(0, uids[i%256], row, float64(i%100)/100, i%3 == 0)
					m.Decided(i % 2)
				}
			})
		})
	}
}
