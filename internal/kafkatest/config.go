package kafkatest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The files in a broker's folder.
const (
	propertiesFile = "server.properties"
	loggingFile    = "log4j2.properties"
	outputFile     = "kafka.log"
)

// properties is a template for the configuration of a KRaft node that is broker and
// controller. Its arguments are the folder, the broker's and the controller's port, the
// further listeners, the node's id, the controllers and the numbers of replicas.
//
// The broker's session is short because a killed broker can register again only after
// its old session is over. The lower bound of group sessions is short so that a group
// soon notices a killed member. The log cleaner's buffer is small because its default,
// 128 MiB, is half the heap: the broker then stops for 80 ms every two seconds to
// collect garbage.
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

// Listener is a further listener of a broker.
type Listener struct {
	Name       string // letters, as in server.properties
	Protocol   string // PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL
	Advertised string // host:port that clients are told; empty: where it listens
}

// Options are additions to the configuration that Start gives a broker.
type Options struct {
	Listeners  []Listener
	Properties string   // further lines of server.properties
	Java       []string // further options of its JVM
}

// node holds the values of a broker's configuration that are not options.
type node struct {
	id, port, controllerPort int
	voters                   string // all controllers, in the form of controller.quorum.voters
	replicas, inSync         int    // of the topic of committed offsets; inSync holds for all topics
}

// writeConfig writes a broker's configuration into dir. addrs holds the address of each
// further listener, by its name.
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
	// java.io.tmpdir: the compression libraries unpack themselves into it.
	return os.Mkdir(filepath.Join(dir, "tmp"), 0o700)
}
