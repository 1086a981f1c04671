package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/serveflow/serveflow/flow/capture"
)

// pcapSummary counts what pcap read of all its captures. It is the JSON object of
// pcap --json.
type pcapSummary struct {
	Captures int             `json:"captures"`
	Failed   int             `json:"failed"`  // captures that were not read to the end, or hold no packets
	Packets  int             `json:"packets"` // read
	Flows    int             `json:"flows"`   // written
	Records  int             `json:"records"` // packet records
	Evicted  int             `json:"evicted"` // flows that ended early, because too many were open
	LeftOut  capture.LeftOut `json:"left_out"`
}

// add adds a capture.
func (s *pcapSummary) add(stats capture.Stats, err error) {
	s.Captures++
	if err != nil {
		s.Failed++
	}
	s.Packets += stats.Packets
	s.Flows += stats.Ends
	s.Records += stats.Records
	s.Evicted += stats.Evicted
	s.LeftOut.Add(stats.LeftOut)
}

// write writes the summary as one line.
func (s *pcapSummary) write(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(s)
	}
	line := fmt.Sprintf("serveflow pcap: %s, %s", counted(s.Packets, "packet"), counted(s.Flows, "flow"))
	if s.Evicted > 0 {
		line += fmt.Sprintf(" (%d ended early, because too many were open)", s.Evicted)
	}
	if s.LeftOut.Total() > 0 {
		line += fmt.Sprintf("; left out: %s", s.LeftOut)
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

// counted formats a number and its noun, with an s where the number is not 1.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
