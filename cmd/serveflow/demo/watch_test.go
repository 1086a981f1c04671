package demo

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/internal/brokers"
)

const record = `{"label_id":"x","schema":"serveflow.label/1","uid":"Ca","orig_h":"10.0.0.1","orig_p":1,"resp_h":"10.0.0.2","resp_p":53,"proto":"udp","label":"dns","confidence":0.9,"final":true,"stage":"first","reason":"confident","packets":1,"ts_first":1700000000.5}`

// noSpace is a file on a full disk.
type noSpace struct{}

func (noSpace) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestWatcherKeepsTheFirstFinalLabel(t *testing.T) {
	var raw strings.Builder
	shown := 0
	p := &Player{speed: 1, begin: time.Unix(100, 0), zero: 1_700_000_000_000_000}
	w := NewWatcher(brokers.Plain("test", "127.0.0.1:1"), "labels", p, nil, &raw, func(*Label) { shown++ })
	provisional := strings.Replace(record, `"final":true`, `"final":false`, 1)
	for _, value := range []string{provisional, record, record} {
		w.take([]byte(value), time.Unix(100, 504e6))
	}
	if w.Count() != 1 || shown != 1 || w.err != nil || strings.Count(raw.String(), "\n") != 3 {
		t.Errorf("%d labels, %d shown, %v, %d lines", w.Count(), shown, w.err, strings.Count(raw.String(), "\n"))
	}
	if l := w.Labels()[0]; l.Took != 4*time.Millisecond || l.Known != "" {
		t.Errorf("%+v", l)
	}
}

func TestWatcherSaysThatTheDiskIsFull(t *testing.T) {
	w := NewWatcher(brokers.Plain("test", "127.0.0.1:1"), "labels", &Player{speed: 1}, nil, noSpace{}, func(*Label) {})
	w.take([]byte(record), time.Now())
	if w.err == nil || !strings.Contains(w.err.Error(), "no space left on device; they are in the topic labels") || w.Count() != 1 {
		t.Errorf("%v, %d labels", w.err, w.Count())
	}
}

func TestWatcherRefusesWhatIsNoLabel(t *testing.T) {
	for _, bad := range []string{"", "{}", `{"uid":"C","orig_h":"x","resp_h":"10.0.0.1"}`} {
		w := NewWatcher(brokers.Plain("test", "127.0.0.1:1"), "labels", &Player{speed: 1}, nil, nil, func(*Label) {})
		if w.take([]byte(bad), time.Now()); w.err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
