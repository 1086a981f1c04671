package kafkatest

import "testing"

func TestAPortIsReservedForOneTest(t *testing.T) {
	port := 0
	t.Run("first", func(t *testing.T) {
		var err error
		if port, err = reservePort(t); err != nil {
			t.Fatal(err)
		}
		if lock, err := lockPort(port); err == nil {
			lock.Close()
			t.Errorf("port %d was given out twice", port)
		}
	})
	lock, err := lockPort(port)
	if err != nil {
		t.Fatalf("port %d is still taken when its test is over: %v", port, err)
	}
	lock.Close()
}
