package tiny

import "testing"

func TestAdd(t *testing.T) {
	var c Counter
	if !c.Add(1) || c.Add(1) {
		t.Error("a counter up to 1 does not count to 1")
	}
	c.Clear()
}

func TestWait(t *testing.T) {
	if got := Wait(8); got != 11 {
		t.Errorf("8 becomes %d", got)
	}
}
