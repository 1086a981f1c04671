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
func TestExplain(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for _, c := range []struct {
		err  error
		want string // without the cause
	}{
		{kafka.GroupAuthorizationFailed, "consumer: not allowed to use group g: grant this client READ on it: "},
		{kafka.TopicAuthorizationFailed, "consumer: not allowed to read topic in: grant this client READ and DESCRIBE on it: "},
		{kafka.UnknownTopicOrPartition, "consumer: topic in, or a partition of it, is missing: create it: "},
		{refused, "consumer: cannot read in/3: no broker answers: start it; if it stopped by itself, its log says why, often a full disk: "},
		{kafka.RebalanceInProgress, "consumer: cannot read in/3: "},
		{errors.New("anything else"), "consumer: cannot read in/3: "},
	} {
		cause := fmt.Errorf("wrapped: %w", c.err)
		got := Explain(cause, "read in/3", "in", "g")
		if got.Error() != c.want+cause.Error() {
			t.Errorf("%v: %v, want %s", c.err, got, c.want)
		}
		if !errors.Is(got, c.err) {
			t.Errorf("%v: the cause is lost in %v", c.err, got)
		}
	}
	fault := &Fault{NotKafka, "a:1", "what answers there is not Kafka", "name another port", errors.New("SSH")}
	if got := Explain(fmt.Errorf("dial: %w", fault), "join group g", "in", "g"); got.Error() != "consumer: cannot join group g: broker a:1: what answers there is not Kafka: name another port (SSH)" {
		t.Errorf("a fault: %v", got)
	}
}
