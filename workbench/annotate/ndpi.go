package annotate

import (
	"bufio"
	"io"
	"slices"
)

// ndpiColumns are the columns of a CSV file with what nDPI found.
type ndpiColumns struct{ first, last, name, server, guess string }

var (
	readerColumns = ndpiColumns{"first_seen", "last_seen", "ndpi_proto", "server_name_sni", ""}                                                                     // ndpiReader -C
	streamColumns = ndpiColumns{"bidirectional_first_seen_ms", "bidirectional_last_seen_ms", "application_name", "requested_server_name", "application_is_guessed"} // NFStream
)

// openNDPI reads what nDPI found: the CSV or JSON of ndpiReader, the JSON of nDPId, or the CSV of
// NFStream.
func openNDPI(in io.Reader) (rows, error) {
	content := bufio.NewReader(in)
	head, err := content.Peek(32)
	if len(head) == 0 && err != nil && err != io.EOF {
		return nil, err
	}
	if isNDPIJSON(head) {
		return newNDPIJSON(content), nil
	}
	table, err := openCSV(content)
	if err != nil {
		return nil, err
	}
	for _, columns := range []ndpiColumns{readerColumns, streamColumns} {
		if table.has("protocol", "src_ip", "src_port", "dst_ip", "dst_port", columns.first, columns.last, columns.name) {
			return &ndpiTable{table, columns}, nil
		}
	}
	return nil, errForm("it is no output of nDPI: write it by ndpiReader -C FILE, as JSON lines, or by NFStream's to_csv")
}

// ndpiTable are the rows of a CSV file.
type ndpiTable struct {
	table   *csvTable
	columns ndpiColumns
}

func (n *ndpiTable) next() (*row, error) {
	in, err := n.table.next()
	if err != nil {
		return nil, err
	}
	r, err := n.row(in)
	if err != nil {
		return nil, &unread{in.line, err}
	}
	return r, nil
}

func (n *ndpiTable) row(in csvRow) (r *row, err error) {
	r = &row{line: in.line, names: ndpiNames(in.get(n.columns.name), in.get(n.columns.server)), asked: serverName(in.get(n.columns.server)), guess: in.get(n.columns.guess) == "1"}
	if r.ends, err = (tuple{in.get("src_ip"), in.get("src_port"), in.get("dst_ip"), in.get("dst_port"), in.get("protocol")}).ends(); err != nil {
		return nil, err
	}
	if r.first, err = microseconds(in.get(n.columns.first)); err != nil {
		return nil, err
	}
	if r.last, err = microseconds(in.get(n.columns.last)); err != nil {
		return nil, err
	}
	return r, nil
}

// ndpiNames are the protocol, such as TLS.YouTube, and the server that the client asked for; none
// where nDPI does not know.
func ndpiNames(protocol, server string) []string {
	if protocol == "Unknown" {
		protocol = ""
	}
	names := []string{protocol, serverName(server)}
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}
