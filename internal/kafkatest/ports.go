package kafkatest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// reservePort finds a TCP port of 127.0.0.1 on which nothing listens, and keeps it from
// other tests, also those of other processes, until the test ends: some seconds pass
// between the choice and the moment at which a broker listens, and a second broker that
// chose the same port would end as it starts.
//
// The port is below the range that the system uses for outgoing connections. Otherwise
// a client's connection could take the broker's port while the broker is down, and the
// broker could not start again.
func reservePort(t testing.TB) (int, error) {
	const low, high, tries = 20000, 32000, 100
	for range tries {
		port := low + rand.IntN(high-low)
		lock, err := lockPort(port)
		if err != nil {
			continue // another test has it
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			lock.Close()
			continue
		}
		t.Cleanup(func() { lock.Close() })
		return port, l.Close()
	}
	return 0, fmt.Errorf("no free port on 127.0.0.1 from %d to %d in %d tries", low, high-1, tries)
}

// lockPort takes the lock of a port, which is a file's. Closing the file gives it back,
// and so does the end of the process. The file stays: who removed it would take it from
// under another's lock.
func lockPort(port int) (*os.File, error) {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("kafkatest-ports-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, fmt.Sprint(port)), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
