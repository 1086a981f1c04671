package logfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/serveflow/serveflow/flow/zeek"
)

const (
	most   = 4 << 10
	one    = `{"ts":1,"uid":"C1"}`
	two    = `{"ts":2,"uid":"C2"}`
	header = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n#open\t2026-11-24-10-00-00\n#fields\tts\tuid\n#types\ttime\tstring\n"
	row1   = "1\tC1\n"
	row2   = "2\tC2\n"
	bom    = "\xef\xbb\xbf"
	conn   = `{"uid":"C1","ts":1e9,"id.orig_h":"::1","id.orig_p":1,"id.resp_h":"::2","id.resp_p":2,"proto":"tcp","conn_state":"SF"}`
)

// read gives what a file holds, a line each: "line:record", or "line:!reason".
func read(t *testing.T, name, text string) (lines []string, end error) {
	t.Helper()
	return readFrom(t, name, strings.NewReader(text))
}

func readFrom(t *testing.T, name string, in io.Reader) (lines []string, end error) {
	t.Helper()
	r := NewReader(in, name, most)
	for {
		rec, err := r.Next()
		if err != nil {
			return lines, err
		}
		got := string(rec.JSON)
		if rec.Err != nil {
			got = "!" + zeek.ReasonOf(rec.Err)
		}
		lines = append(lines, fmt.Sprintf("%d:%s", rec.Line, got))
	}
}

func TestRecordsOfAFile(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"JSON", one + "\n" + two + "\n", "1:" + one + " 2:" + two},
		{"without a last newline", one + "\n" + two, "1:" + one + " 2:" + two},
		{"CR LF", one + "\r\n" + two + "\r\n", "1:" + one + " 2:" + two},
		{"byte-order mark", bom + one + "\n" + two, "1:" + one + " 2:" + two},
		{"NUL bytes", "\x00\x00" + one + "\n\x00\x00\n" + two, "1:" + one + " 3:" + two},
		{"a NUL byte alone", "\x00\n" + one, "2:" + one},
		{"a line of one letter", one + "\nx", "1:" + one + " 2:!syntax"},
		{"only spaces", " \t \n" + one, "1:!syntax 2:" + one},
		{"blank lines", "\n\n" + one + "\n\r\n" + two + "\n\n", "3:" + one + " 5:" + two},
		{"a JSON string", `"{\"uid\":\"C1\"}"`, `1:"{\"uid\":\"C1\"}"`},
		{"space before JSON", "  " + one, "1:  " + one},
		{"a comment in JSON", "# by hand\n" + one, "2:" + one},

		{"TSV", header + row1 + row2 + "#close\t2026-11-24-11-00-00\n", "9:" + one + " 10:" + two},
		{"TSV, CR LF", strings.ReplaceAll(header+row1+row2, "\n", "\r\n"), "9:" + one + " 10:" + two},
		{"TSV, byte-order mark", bom + header + row1 + row2, "9:" + one + " 10:" + two},
		{"TSV, all at once", bom + strings.ReplaceAll(header+row1+header+row2, "\n", "\r\n"), "9:" + one + " 18:" + two},
		{"a header again", header + row1 + header + row2, "9:" + one + " 18:" + two},
		{"another header", header + row1 + "#separator |\n#fields|uid|ts\n#types|string|time\nC2|2\n", `9:` + one + ` 13:{"uid":"C2","ts":2}`},
		{"other marks", "#separator |\n#set_separator|;\n#empty_field|~\n#unset_field|?\n#fields|a|b|c\n#types|set[count]|string|count\n1;2|~|?\n", `7:{"a":[1,2],"b":""}`},
		{"a header without #separator", "#fields\tts\tuid\n#types\ttime\tstring\n" + row1, "3:" + one},
		{"JSON after TSV", header + row1 + two + "\n" + row1, "9:" + one + " 10:" + two + " 11:" + one},
		{"TSV after JSON", one + "\n" + header + row2, "1:" + one + " 10:" + two},
		{"a row like JSON", "#separator |\n#fields|a\n#types|string\n{}\n", `4:{"a":"{}"}`},
		{"a last row without its newline", header + row1 + strings.TrimSpace(row2), "9:" + one + " 10:" + two},

		{"#separator, as an editor writes it", strings.Replace(header, "#separator ", "#separator\t", 1) + row1, "9:" + one},
		{"#separator, a tab itself", strings.Replace(header, "\\x09", "\t", 1) + row1, "9:" + one},
		{"lines that end with CR alone", strings.ReplaceAll(header+row1+row2, "\n", "\r"), "1:!syntax"},

		{"rows without a header", row1 + row2, "1:!syntax 2:!syntax"},
		{"words", "hello\n" + one + "\nworld\n", "1:!syntax 2:" + one + " 3:!syntax"},
		{"a row of other columns", header + row1 + "x\n" + row2, "9:" + one + " 10:!syntax 11:" + two},
		{"a value of another type", header + "x\tC1\n" + row2, "9:!field_type 10:" + two},
		{"a header of nothing", "#separator \n" + one, "1:!syntax 2:" + one},
		{"a header that does not fit", "#separator |\n#fields|a|b\n#types|string\nx|y\n" + one, "3:!syntax 4:!syntax 5:" + one},
		{"a line as long as may be", pad(most) + "\n" + one, "1:" + pad(most) + " 2:" + one},
		{"a line as long as may be, CR LF", pad(most) + "\r\n" + one, "1:" + pad(most) + " 2:" + one},
		{"a line too long", pad(most+1) + "\n" + one, "1:!too_long 2:" + one},
		{"a line much too long", pad(10*most) + "\n" + one, "1:!too_long 2:" + one},
		{"a last line too long", one + "\n" + pad(10*most), "1:" + one + " 2:!too_long"},
		{"nothing", "", ""},
		{"only a header", header, ""},
	} {
		got, err := read(t, "-", tt.text)
		if !errors.Is(err, io.EOF) || strings.Join(got, " ") != tt.want {
			t.Errorf("%s: got %.300q, %v\nwant %.300q", tt.name, got, err, tt.want)
		}
	}
}

// Of a line that is too long the beginning is kept, whatever follows it.
func TestBeginningOfALongLine(t *testing.T) {
	r := NewReader(strings.NewReader(strings.Repeat("a", most)+strings.Repeat("b", 5*most)+"\n"+one+"\n"), "-", most)
	if rec, err := r.Next(); err != nil || string(rec.JSON) != strings.Repeat("a", most) || zeek.ReasonOf(rec.Err) != zeek.TooLong {
		t.Errorf("%.20q... of %d bytes, %v %v", rec.JSON, len(rec.JSON), rec.Err, err)
	}
}

// What a parser says of its lines is what ship resumes a file by.
func TestHeadersInForce(t *testing.T) {
	p := NewParser("-")
	for i, step := range []struct {
		line                string
		begins, is, inForce bool
		log                 string
	}{
		{one, false, false, false, ""},
		{"# by hand", false, true, false, ""},
		{"\xef\xbb\xbf#separator \\x09\r", true, true, false, ""},
		{"#path\tdns", false, true, false, "dns"},
		{"#fields\tts", false, true, false, "dns"},
		{"#types\ttime", false, true, true, "dns"},
		{"1", false, false, true, "dns"},
		{"", false, true, true, "dns"},
		{"#close\tnow", false, true, true, "dns"},
		{"#separator |", true, true, false, ""},
	} {
		if begins := p.BeginsHeader([]byte(step.line)); begins != step.begins {
			t.Errorf("%d, %q: begins a header: %v", i, step.line, begins)
		}
		if is, err := p.Header([]byte(step.line)); is != step.is || err != nil || p.TSV() != step.inForce || p.Log() != step.log {
			t.Errorf("%d, %q: header %v %v, in force %v, of %q", i, step.line, is, err, p.TSV(), p.Log())
		}
	}
	p = NewParser("-")
	for i, step := range []struct {
		line   string
		begins bool
	}{{"#separator |", true}, {"#fields|a|b", false}, {"#types|int|int", false}, {"1|2", false}, {"#close|now", false}, {"#fields|b|a", true}, {"#types|int|int", false},
		{"1|2", false}, {"#path|x", true}, {"#unset_field|?", false}, {"#fields|a", false}, {"#types|int", false}, {"{}", false}, {"#fields\ta", false}, {"{}", false}, {"#types|int", true}} {
		if begins := p.BeginsHeader([]byte(step.line)); begins != step.begins {
			t.Errorf("%d, %q: begins a header: %v", i, step.line, begins)
		}
		if is, _ := p.Header([]byte(step.line)); !is {
			p.Record([]byte(step.line))
		}
	}
	if p = NewParser("-"); !p.BeginsHeader([]byte("#fields\tts")) || p.BeginsHeader([]byte("#close\tnow")) {
		t.Error("a header whose first line was cut off")
	}
}

// pad is a JSON object of n bytes.
func pad(n int) string { return `{"a":"` + strings.Repeat("x", n-8) + `"}` }

// A fault of the input comes after the records before it. The line that it cuts is none.
func TestFaultOfTheInput(t *testing.T) {
	trouble := errors.New("the disk is gone")
	for text, want := range map[string]int{"": 0, one: 0, one + "\n": 1, one + "\n" + two + "\n" + one[:9]: 2, one + "\n" + pad(5*most): 1} {
		r := NewReader(io.MultiReader(strings.NewReader(text), failing{trouble}), "-", most)
		for range want {
			if rec, err := r.Next(); err != nil || rec.Err != nil {
				t.Errorf("%.40q: %+v %v", text, rec, err)
			}
		}
		for range 2 {
			if rec, err := r.Next(); !errors.Is(err, trouble) {
				t.Errorf("%.40q: %+v %v, want the trouble", text, rec, err)
			}
		}
		if r.Lines() != want {
			t.Errorf("%.40q: %d lines, want %d", text, r.Lines(), want)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// Records of another log say so, where they would be taken for those of conn.log: by the
// header's #path or, without one, by the file's name.
func TestTheLogIsNamed(t *testing.T) {
	connHeader := func(path string) string {
		return "#separator \\x09\n" + path + "#fields\tts\tuid\tconn_state\n#types\ttime\tstring\tstring\n1\tC1\tSF\n"
	}
	const plain = `{"ts":1,"uid":"C1","conn_state":"SF"}`
	named := func(log, record string) string { return `{"_path":"` + log + `",` + record[1:] }
	for _, tt := range []struct{ file, text, want string }{
		{"conn.log", conn, conn},
		{"-", conn, conn},
		{"big.log", conn, conn},
		{"/logs/conn.2026-11-24-10-00-00.log.gz", conn, conn},
		{"/logs/conn_long.log", conn, named("conn_long", conn)},
		{"/logs/conn_long.log", " " + conn, named("conn_long", conn)},
		{"http.log.gz", conn, named("http", conn)},
		{"conn_long.log", named("conn", conn), named("conn", conn)},
		{"conn_long.log", `{"conn":` + conn + `}`, `{"conn":` + conn + `}`},
		{"conn_long.log", one, one}, // nobody takes it for one of conn.log
		{"conn_long.log", `{"ev":"pkt","conn_state":"SF"}`, `{"ev":"pkt","conn_state":"SF"}`},
		{"conn_long.log", `{"conn_state":`, `{"conn_state":`},
		{"serveflow.log", conn, conn},                                                                                       // a topic may carry both
		{"conn_long.log", `"` + strings.ReplaceAll(conn, `"`, `\"`) + `"`, `"` + strings.ReplaceAll(conn, `"`, `\"`) + `"`}, // it cannot be told
		{"-", connHeader("#path\tconn\n"), plain},
		{"-", connHeader("#path\tlogs/conn\n"), plain},
		{"-", connHeader("#path\tconn_long\n"), named("conn_long", plain)},
		{"-", connHeader(""), plain},
		{"conn_long.log", connHeader("#path\tconn\n"), plain},
		{"conn_long.log", connHeader(""), named("conn_long", plain)},
		{"conn.log", connHeader("#path\tconn_long\n"), named("conn_long", plain)},
		{"-", connHeader("#path\t-\n"), plain},
		{"conn_long.log", connHeader("#path\t-\n"), named("conn_long", plain)},
		{"-", connHeader("#unset_field\tNA\n#path\t-\n"), named("-", plain)},
		{"json_streaming_conn_long.1.log", conn, named("conn_long", conn)},
		{"json_streaming_conn.1.log", conn, conn},
		{"-", connHeader("#path\ta\"b\\x0a\n"), named(`a\"b\n`, plain)},
	} {
		got, err := read(t, tt.file, tt.text)
		if !errors.Is(err, io.EOF) || len(got) != 1 || got[0][strings.IndexByte(got[0], ':')+1:] != tt.want {
			t.Errorf("%s, %s: got %q, %v\nwant %q", tt.file, tt.text, got, err, tt.want)
		}
	}
}

// A conn.log in TSV decodes as one in JSON does.
func TestConnLogInTSV(t *testing.T) {
	f, err := os.Open("testdata/tsv-conn.log")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := NewReader(f, f.Name(), zeek.MaxRecord)
	d := zeek.Decoder{Conns: true}
	for n := range 2 {
		var rec zeek.Record
		record, err := r.Next()
		if err == nil {
			err = errors.Join(record.Err, d.Decode(record.JSON, &rec))
		}
		if err != nil || rec.Kind != zeek.Conn || rec.Conn.OrigPkts != 10 || rec.Conn.Duration != 123456 || rec.TS != 1764000000000001+int64(n) {
			t.Errorf("%s: %+v %v", record.JSON, rec, err)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}
