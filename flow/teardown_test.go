package flow

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
)

func unhex(text string) []byte {
	data, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		panic(err)
	}
	return data
}

// The TCP flags must be read from the header bytes if the record has no field for them.
func TestTCPFlags(t *testing.T) {
	const (
		v4      = "4500 0028 0001 0000 4006 0000 c0000201 c0000202"
		options = "4600 002c 0001 0000 4006 0000 c0000201 c0000202 01010101"
		v6      = "60000000 0014 06 40 20010db8000000000000000000000001 20010db8000000000000000000000002"
		v6UDP   = "60000000 0014 11 40 20010db8000000000000000000000001 20010db8000000000000000000000002"
		tcp     = "1f90 0050 00000001 00000002 50 15" // up to the flags: FIN, RST, ACK
	)
	for _, tt := range []struct {
		name, hdr string
		field     int16
		want      int
	}{
		{"the field", v4 + tcp, 0x12, 0x12},
		{"the field of 0", v4 + tcp, 0, 0},
		{"IPv4", v4 + tcp, zeek.Absent, 0x15},
		{"IPv4 with options", options + tcp, zeek.Absent, 0x15},
		{"IPv4 cut before the flags", v4 + tcp[:len(tcp)-3], zeek.Absent, 0},
		{"IPv4 cut in its own header", v4[:20], zeek.Absent, 0},
		{"IPv6", v6 + tcp, zeek.Absent, 0x15},
		{"IPv6 cut before the flags", v6 + tcp[:len(tcp)-3], zeek.Absent, 0},
		{"IPv6 with an extension header", v6UDP + tcp, zeek.Absent, 0},
		{"one byte of IPv6", "60", zeek.Absent, 0},
		{"no header", "", zeek.Absent, 0},
	} {
		f := &Flow{}
		f.Put(1, Packet{Flags: zeek.Absent}, unhex("ff")) // so that the header begins at 1
		f.Put(2, Packet{Flags: tt.field}, unhex(tt.hdr))
		if got := f.tcpFlags(&f.packets[1]); got != tt.want {
			t.Errorf("%s: flags %#x, want %#x", tt.name, got, tt.want)
		}
	}
}

// A flow must be over with a reset, or with a FIN of each side, and only if it is TCP.
func TestTearsDown(t *testing.T) {
	type sent struct {
		byOrig bool
		flags  int16
	}
	for _, tt := range []struct {
		name    string
		proto   uint8
		packets []sent
		over    int // the number of the packet that ends it; 0 if none does
	}{
		{"reset", zeek.TCP, []sent{{true, syn}, {false, rst}}, 2},
		{"reset by the originator", zeek.TCP, []sent{{true, rst | ack}}, 1},
		{"both FINs", zeek.TCP, []sent{{true, fin}, {true, ack}, {false, fin | ack}}, 3},
		{"both FINs, the responder's first", zeek.TCP, []sent{{false, fin}, {true, fin}}, 2},
		{"nothing after the first FIN", zeek.TCP, []sent{{true, fin}, {true, ack}, {false, ack}}, 0},
		{"two FINs of the originator", zeek.TCP, []sent{{true, fin}, {true, fin}}, 0},
		{"two FINs of the responder", zeek.TCP, []sent{{false, fin}, {false, fin}}, 0},
		{"no flag that ends", zeek.TCP, []sent{{true, syn | ack | 8}, {false, syn | ack | 8}}, 0},
		{"UDP", zeek.UDP, []sent{{true, rst}, {true, fin}, {false, fin}}, 0},
	} {
		f, over := &Flow{Proto: tt.proto}, 0
		for i, s := range tt.packets {
			if f.tearsDown(&Packet{FromOrig: s.byOrig, Flags: s.flags}) && over == 0 {
				over = i + 1
			}
		}
		if over != tt.over {
			t.Errorf("%s: packet %d ends it, want %d", tt.name, over, tt.over)
		}
	}
}
