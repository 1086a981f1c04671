package main

import (
	"strings"
	"testing"
	"time"

	"github.com/serveflow/serveflow/flow/zeek"
	"github.com/serveflow/serveflow/internal/kafkatest"

	"github.com/twmb/franz-go/pkg/kfake"
)

// A record that is sent again is the same but for its uid and its sensor.
func TestRename(t *testing.T) {
	one, _ := lines(t)
	one = strings.TrimSpace(one)
	r := newResender(time.UnixMilli(1_700_000_000_123))
	var decoder zeek.Decoder
	var plain zeek.Record
	if err := decoder.Decode([]byte(one), &plain); err != nil {
		t.Fatal(err)
	}
	want := string(zeek.AppendRecord(nil, &plain))
	uid := string(plain.UID)
	for record, sensor := range map[string]string{
		one: "replay-loyw3v5n",
		strings.Replace(one, "{", `{"sensor":"roof",`, 1): "roof-loyw3v5n",
		`{"serveflow":` + one + `}`:                       "replay-loyw3v5n",
	} {
		renamed, err := r.rename([]byte(record))
		if err != nil {
			t.Fatalf("%s: %v", record, err)
		}
		var rec zeek.Record
		if err := decoder.Decode(renamed, &rec); err != nil || string(rec.Sensor) != sensor || string(rec.UID) != uid+"-loyw3v5n" {
			t.Errorf("%s: %v", renamed, err)
		}
		rec.Sensor, rec.UID = nil, []byte(uid)
		if got := string(zeek.AppendRecord(nil, &rec)); got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	}
	if got, err := r.rename([]byte("no record")); err != nil || string(got) != "no record" {
		t.Errorf("%q, %v: the player says what is wrong", got, err)
	}
}

// Flows that are known get labels once more only with --again, and send says so.
func TestSendAgain(t *testing.T) {
	one, _ := lines(t)
	addr, _ := kafkatest.Fake(t, kfake.SeedTopics(1, packetsTopic))
	env := map[string]string{"SERVEFLOW_BROKERS": addr}
	code, _, stderr := runCommand(t, env, one, "send", "-")
	if code != exitOK || !strings.Contains(stderr, "within the last 6m0s (SERVEFLOW_REMEMBER) are known and get no second label: send --again") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	code, _, stderr = runCommand(t, env, one, "send", "--again", "-")
	if code != exitOK || strings.Contains(stderr, "no second label") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	there := kafkatest.ReadAll(t, addr, packetsTopic)
	if len(there) != 2 || string(there[0].Value) != strings.TrimSpace(one) || !strings.Contains(string(there[1].Value), `"sensor":"replay-`) {
		t.Errorf("%v", there)
	}
}

// Without its topic send says so, and sends nothing.
func TestSendWithoutItsTopic(t *testing.T) {
	one, _ := lines(t)
	addr, _ := kafkatest.Fake(t)
	code, _, stderr := runCommand(t, map[string]string{"SERVEFLOW_BROKERS": addr, "SERVEFLOW_START_TIMEOUT": "1s"}, one, "send", "-")
	if code != exitFail || !strings.Contains(stderr, "topic serveflow.packets is missing: create it, or name another by SERVEFLOW_TOPIC") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}
