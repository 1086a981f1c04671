package brokers

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/segmentio/kafka-go"
)

// The texts are part of the promise: an operator searches the log for them.
func TestRemedy(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for _, c := range []struct {
		err  error
		want string // without the cause; empty: no remedy
	}{
		{kafka.GroupAuthorizationFailed, "consumer: not allowed to use group g: grant this client READ on it: "},
		{kafka.TopicAuthorizationFailed, "consumer: not allowed to read topic in: grant this client READ and DESCRIBE on it: "},
		{kafka.UnknownTopicOrPartition, "consumer: topic in, or a partition of it, is missing: create it: "},
		{refused, "consumer: cannot read topic in: no broker answers: start it; if it stopped by itself, its log says why, often a full disk: "},
		{kafka.RebalanceInProgress, ""},
		{errors.New("anything else"), ""},
	} {
		cause := fmt.Errorf("wrapped: %w", c.err)
		got := Remedy(cause, "in", "g")
		switch {
		case c.want == "" && got != nil:
			t.Errorf("%v: %v, want no remedy", c.err, got)
		case c.want != "" && (got == nil || got.Error() != c.want+cause.Error()):
			t.Errorf("%v: %v, want %s", c.err, got, c.want)
		case c.want != "" && !errors.Is(got, c.err):
			t.Errorf("%v: the cause is lost in %v", c.err, got)
		}
	}
	fault := &Fault{NotKafka, "a:1", "what answers there is not Kafka", "name another port", errors.New("SSH")}
	if got := Remedy(fmt.Errorf("dial: %w", fault), "in", "g"); got == nil || got.Error() != "consumer: cannot read topic in: broker a:1: what answers there is not Kafka: name another port (SSH)" {
		t.Errorf("a fault: %v", got)
	}
	if got := Remedy(nil, "in", "g"); got != nil {
		t.Errorf("no error: %v", got)
	}
}
