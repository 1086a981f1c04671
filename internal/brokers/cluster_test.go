package brokers

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/serveflow/serveflow/internal/kafkatest"
)

// DialLeader returns a connection that is ready for requests.
func TestDialLeader(t *testing.T) {
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(2, "in"))
	c := Plain("test", "127.0.0.1:1", addr) // the first is down
	raw, err := c.DialLeader(t.Context(), "in", 1)
	if err != nil {
		t.Fatal(err)
	}
	conn := kafka.NewConnWith(raw, kafka.ConnConfig{ClientID: c.ClientID(), Topic: "in", Partition: 1})
	defer conn.Close()
	if first, end, err := conn.ReadOffsets(); err != nil || first != 0 || end != 0 {
		t.Errorf("offsets %d to %d, %v", first, end, err)
	}
	if _, err := c.DialLeader(t.Context(), "in", 7); !errors.Is(err, kafka.UnknownTopicOrPartition) {
		t.Errorf("a partition that is not there: %v", err)
	}
}

// A broker that accepts no client is asked once, not for every request.
func TestWhoeverAnswers(t *testing.T) {
	addr, _ := kafkatest.Fake(t)
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	var asked atomic.Int64
	go func() {
		for conn, err := mute.Accept(); err == nil; conn, err = mute.Accept() {
			asked.Add(1)
			conn.Close()
		}
	}()
	c := Plain("test", mute.Addr().String(), addr)
	for range 3 {
		client, done := c.Client()
		if _, err := client.Metadata(t.Context(), &kafka.MetadataRequest{}); err != nil {
			t.Error(err)
		}
		done()
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the mute broker was asked %d times", n)
	}
}

func TestNobodyListens(t *testing.T) {
	_, err := Plain("test", "127.0.0.1:1").DialLeader(t.Context(), "in", 0)
	var op *net.OpError
	if !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &op) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("%v", err)
	}
}

// An answer that is not Kafka's gives a fault that says so, and allocates no memory
// for the size that it claims.
func TestNotKafka(t *testing.T) {
	for words, kind := range map[string]string{
		"SSH-2.0-OpenSSH_9.6p1 Debian-3\r\n":               NotKafka,
		"HTTP/1.1 400 Bad Request\r\n\r\n":                 NotKafka,
		"\x00\x00\x00\x08\x00\x00\x00\x01\x7f\xff\xff\xff": NotKafka, // brokers without end
		"\x00\x00":                     NotKafka,
		"\x15\x03\x03\x00\x02\x02\x50": WantsTLS,
		"":                             WantsMore,
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			conn.Read(make([]byte, 1024))
			conn.Write([]byte(words))
			conn.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, conn)
		}()
		_, err = Plain("test").Dial(t.Context(), "tcp", l.Addr().String())
		var fault *Fault
		if !errors.As(err, &fault) || fault.Kind != kind {
			t.Errorf("%q: %v, want %s", words, err, kind)
		}
		l.Close()
	}
}

// A broker that has taken this client and then closes its connections is going down: no
// setting is wrong.
func TestBrokerGoesDown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().String()
	_, behind := kafkatest.Fake(t)
	go func() {
		for first := true; ; first = false {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if !first {
				conn.Close()
				continue
			}
			to, err := net.Dial("tcp", behind.ListenAddrs()[0])
			if err != nil {
				t.Error(err)
				conn.Close()
				return
			}
			go func() { io.Copy(to, conn); to.Close() }()
			go func() { io.Copy(conn, to); conn.Close() }()
		}
	}()
	cluster := Plain("test", addr)
	conn, err := cluster.Dial(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	_, err = cluster.Dial(t.Context(), "tcp", addr)
	if err == nil || errors.As(err, new(*Fault)) || !strings.Contains(err.Error(), "broker "+addr+" closed the connection: it is going down, or is not up yet") {
		t.Errorf("%v", err)
	}
}
