package chain

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/process"
)

// link is a form of the records on its way through ship, the broker and run.
type link struct {
	form  form
	log   string // file
	count int    // of records
	bytes int64  // of the log

	shipped, labelled cost
	inKafka, labels   int64 // bytes
	topic             string
}

// links measures the chain for the JSON forms: ship follows a log of the form, and run labels what ship wrote. Only the
// forms that the product reads are labelled.
func (b *bench) links() {
	b.t.Helper()
	var all []*link
	for _, f := range forms {
		if f.shipped {
			all = append(all, b.writeLog(f))
		}
	}
	b.warm()
	for range *rounds {
		for _, l := range all {
			l.topic = b.topic("records", partitions, nil)
			l.shipped = l.shipped.least(b.ship(l.log, l.topic, l.count))
			_, l.inKafka = b.logs(l.topic)
		}
		for _, l := range all {
			if l.form.labels {
				labels := b.topic("labels", partitions, nil)
				l.labelled = l.labelled.least(b.label(l.topic, labels))
				_, l.labels = b.logs(labels)
			}
		}
	}
	fmt.Printf("\nThe chain, by form of the log:\n\n| form | link | us of CPU a flow | us a record | bytes a record, in | out, in Kafka |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, l := range all {
		row := func(name string, d time.Duration, in, out string) {
			fmt.Printf("| %s | %s | %.1f | %.2f | %s | %s |\n", l.form.name, name, micros(d)/float64(b.flows), micros(d)/float64(l.count), in, out)
		}
		plain, packed := fmt.Sprintf("%.0f", float64(l.bytes)/float64(l.count)), fmt.Sprintf("%.0f", float64(l.inKafka)/float64(l.count))
		row("ship", l.shipped.own, plain, packed)
		row("broker, while ship writes", l.shipped.broker, packed, packed)
		if l.form.labels {
			row("broker, while run reads and writes", l.labelled.broker, packed, "")
			row("run, once it runs", l.labelled.own, packed, fmt.Sprintf("%.0f a label", float64(l.labels)/float64(b.flows)))
		}
		fmt.Printf("| %s | together | %.1f | | %.2f records a flow | |\n", l.form.name,
			l.together(b.flows), b.perFlow(l.count))
	}
	b.whole = all[0].together(b.flows)
}

// warm has the broker do what it will do, unmeasured: it takes a few times as much CPU until its JVM has compiled that.
func (b *bench) warm() {
	b.t.Helper()
	topic := b.topic("warm", partitions, nil)
	b.produce(topic, asShip, 6, encode(b.t, forms[0], b.lines))
	b.label(topic, b.topic("labels", partitions, nil))
}

// together is the us of CPU a flow of all links.
func (l *link) together(flows int) float64 {
	return micros(l.shipped.own+l.shipped.broker+l.labelled.own+l.labelled.broker) / float64(flows)
}

// writeLog writes the records of all copies as a log of the form.
func (b *bench) writeLog(f form) *link {
	b.t.Helper()
	l := &link{form: f, log: filepath.Join(b.t.TempDir(), "serveflow.log")}
	messages := encode(b.t, f, b.lines)
	l.count = messages.len()
	var text bytes.Buffer
	for i := range l.count {
		text.Write(messages.at(i).value)
		text.WriteByte('\n')
	}
	l.bytes = int64(text.Len())
	if err := os.WriteFile(l.log, text.Bytes(), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return l
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func command(args, settings []string) *exec.Cmd {
	cmd := exec.Command(serveflow, args...)
	cmd.Env = process.Environment(settings...)
	return cmd
}

// tail is the end of what a program said.
func tail(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text[max(0, len(text)-2000):]
}
