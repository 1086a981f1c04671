package flow

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"
	"time"
)

// The clocks of two sensors in one partition are minutes apart, and their bursts are
// long enough for a clock to believe. Every decision must be as with one sensor.
func TestSensorsDoNotAffectEachOther(t *testing.T) {
	for _, apart := range []time.Duration{20 * time.Second, 3 * time.Minute, -5 * time.Minute, 10 * 365 * 24 * time.Hour} {
		for _, burst := range []int{1, 7, 200} {
			all := traffic(rand.New(rand.NewSource(int64(burst))), 800)
			want := decisions(t, all, 1)
			for i, a := range all {
				if int(a.rec.UID[4])%2 == 0 { // by uid: a flow is one sensor's
					from("east", all[i].rec)
					a.rec.TS += apart.Microseconds()
				} else {
					from("west", a.rec)
				}
			}
			for _, partitions := range []int{1, 3, 12} {
				same(t, int64(burst), want, decisions(t, inBursts(all, burst), partitions))
			}
		}
	}
}

// inBursts reorders the records: size of one sensor at a time, each sensor's in order.
func inBursts(all []arrival, size int) []arrival {
	waiting := map[string][]arrival{}
	var out []arrival
	for _, a := range all {
		name := string(a.rec.Sensor)
		if waiting[name] = append(waiting[name], a); len(waiting[name]) == size {
			out = append(out, waiting[name]...)
			delete(waiting, name)
		}
	}
	return append(append(out, waiting["east"]...), waiting["west"]...)
}

// The flows of a sensor that falls silent must stay open until the partition is idle.
func TestFlowsOfASilentSensorWaitForWallTime(t *testing.T) {
	table := New(testConfig())
	run(table, from("silent", pkt("a", 1, 0, syn)))
	for i := range 100 {
		if got := run(table, from("loud", pkt(fmt.Sprint("b", i), 1, float64(i), rst))); strings.Contains(got, "a ") {
			t.Fatalf("%d s of another sensor's time ended its flow", i)
		}
	}
	table.Idle(time.Second) // the wait was for the records above
	if table.Due() != nil {
		t.Error("the flow is decided although the wait was for a record")
	}
	table.Idle(3*time.Second + time.Microsecond)
	if f := table.Due(); f == nil || f.UID != "a" || f.Cause() != TimedOut {
		t.Error("no record to read for three seconds and the flow is still open")
	}
}

// Names come from outside. Beyond maxSensors they must share a clock.
func TestSensorsAreBounded(t *testing.T) {
	table := New(testConfig())
	for i := range 10 * maxSensors {
		f, _ := table.Add(from(fmt.Sprint("sensor", i), pkt(fmt.Sprint("f", i), 1, 0, syn)))
		if f.Sensor != fmt.Sprint("sensor", i) {
			t.Fatalf("flow %d is said to be of %s", i, f.Sensor)
		}
		table.Finish(f)
	}
	if n := len(table.sensors.all); n > maxSensors+1 {
		t.Errorf("%d sensors have a clock", n)
	}
}
