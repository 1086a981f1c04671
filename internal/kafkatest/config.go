package kafkatest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// files of a broker's folder.
const (
	propertiesFile = "server.properties"
	loggingFile    = "log4j2.properties"
	outputFile     = "kafka.log"
)

// properties is the configuration of a KRaft node that is broker and controller:
// the folder, the broker's port, the controller's port, further listeners, the
// node's id, the controllers and the replicas fill it.
//
// The broker's session is short because a killed broker may only register again
// once its old session is over. The lower bound of group sessions lets a test
// notice a killed consumer soon. The log cleaner's buffer is 128 MiB by default: half
// the heap, so that the broker halted for 80 ms every two seconds to collect garbage.
const properties = `
process.roles=broker,controller
node.id=%[7]d
listeners=BROKER://127.0.0.1:%[2]d,CONTROLLER://127.0.0.1:%[3]d%[4]s
advertised.listeners=BROKER://127.0.0.1:%[2]d%[5]s
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT%[6]s
controller.quorum.voters=%[8]s
log.dirs=%[1]s/data
auto.create.topics.enable=false
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=2097152
offsets.topic.num.partitions=3
offsets.topic.replication.factor=%[9]d
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=%[9]d
transaction.state.log.min.isr=%[10]d
min.insync.replicas=%[10]d
`

const logging = `
status=error
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{HH:mm:ss.SSS} %p %m (%c)%n
rootLogger.level=info
rootLogger.appenderRef.out.ref=out
`

// Listener is one more listener of a broker.
type Listener struct {
	Name       string // letters, as in server.properties
	Protocol   string // PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL
	Advertised string // host:port that clients are sent to; empty: where it listens
}

// Options are what a broker has beyond those that Start gives it.
type Options struct {
	Listeners  []Listener
	Properties string   // further lines of server.properties
	Java       []string // further options of its JVM
}

// node is what a broker's configuration needs beside its options.
type node struct {
	id, port, controllerPort int
	voters                   string // all controllers, as controller.quorum.voters wants them
	replicas, inSync         int    // of the offsets' topic; inSync for all others too
}

// writeConfig writes a broker's configuration into dir; addrs holds where each
// further listener listens.
func writeConfig(dir string, n node, o Options, addrs map[string]string) error {
	var listen, advertise, protocols strings.Builder
	for _, l := range o.Listeners {
		advertised := l.Advertised
		if advertised == "" {
			advertised = addrs[l.Name]
		}
		fmt.Fprintf(&listen, ",%s://%s", l.Name, addrs[l.Name])
		fmt.Fprintf(&advertise, ",%s://%s", l.Name, advertised)
		fmt.Fprintf(&protocols, ",%s:%s", l.Name, l.Protocol)
	}
	text := fmt.Sprintf(properties, dir, n.port, n.controllerPort, &listen, &advertise, &protocols, n.id, n.voters, n.replicas, n.inSync)
	files := map[string]string{
		propertiesFile: text + o.Properties,
		loggingFile:    logging,
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.TrimLeft(text, "\n")), 0o600); err != nil {
			return err
		}
	}
	// The compression libraries unpack themselves into java.io.tmpdir.
	return os.Mkdir(filepath.Join(dir, "tmp"), 0o700)
}

// freePort finds a TCP port of 127.0.0.1 that nobody listens on.
//
// It asks for one below the range that systems give to outgoing connections:
// while the broker is down, a client's connection could otherwise be given the
// broker's port, and the broker could not come back to it.
func freePort() (int, error) {
	const low, high, tries = 20000, 32000, 100
	for range tries {
		port := low + rand.IntN(high-low)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("no free port on 127.0.0.1 from %d to %d in %d tries", low, high-1, tries)
}
