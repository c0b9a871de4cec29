package sink_test

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/bench/sink"
	"github.com/google/go-cmp/cmp"
)

// flight is what a client sends at once, and the codes of the replies that it then waits for.
type flight struct{ sends, codes string }

// TestCounts sends flights by hand and looks at the codes that come back and at what was counted.
func TestCounts(t *testing.T) {
	const mail = "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\n"
	cases := map[string]struct {
		flights  []flight
		messages int64
	}{
		"one command at a time": {[]flight{
			{"HELO x\r\n", "250"},
			{"MAIL FROM:<a@x>\r\n", "250"},
			{"RCPT TO:<b@y>\r\n", "250"},
			{"DATA\r\n", "354"},
			{"hello\r\n.\r\n", "250"},
			{"QUIT\r\n", "221"},
		}, 1},
		"pipelining, bodies that begin with dots": {[]flight{
			{"ehlo x\r\n", "250"},
			{mail + "DATA\r\n", "250 250 354"},
			{"..\r\n\r\n.\r\nRSET\r\n" + mail + "DATA\r\n", "250 250 250 250 354"},
			{".\r\n", "250"},
		}, 2},
		"chunks": {[]flight{
			{mail + "BDAT 5\r\nhello" + "BDAT 0 LAST\r\n" + mail + "BDAT 7 LAST\r\n\r\n.\r\nxx", "250 250 250 250 250 250 250"},
		}, 2},
		"a refused chunk is swallowed": {[]flight{
			{"BDAT 6 LAST\r\nDATA\r\nRSET\r\n", "503 250"},
		}, 0},
		"out of order": {[]flight{
			{"DATA\r\n", "503"},
			{"RCPT TO:<b@y>\r\n", "503"},
			{mail + "MAIL FROM:<a@x>\r\n", "250 250 503"},
			{"XYZ\r\n", "502"},
			{"BDAT x\r\n", "501"},
		}, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := start(t, sink.Config{Extensions: []string{"PIPELINING", "CHUNKING"}})
			say(t, s, tc.flights, sink.Counts{Flights: int64(1 + len(tc.flights)), Messages: tc.messages})
		})
		t.Run(name+", replies apart", func(t *testing.T) {
			s := start(t, sink.Config{Extensions: []string{"PIPELINING", "CHUNKING"}, Apart: true})
			say(t, s, tc.flights, sink.Counts{Messages: tc.messages})
		})
	}
}

// say plays flights and looks at what is counted.
func say(t *testing.T, s *sink.Server, flights []flight, want sink.Counts) {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	replies := bufio.NewReader(conn)
	want.Connections = 1
	for _, f := range append([]flight{{"", "220"}}, flights...) {
		if _, err := io.WriteString(conn, f.sends); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Fields(f.codes), codes(t, replies, len(strings.Fields(f.codes)))); diff != "" {
			t.Fatalf("after %q: %s", f.sends, diff)
		}
		want.Octets += int64(len(f.sends))
	}
	if diff := cmp.Diff(want, s.Counts()); diff != "" {
		t.Error(diff)
	}
}

func start(t *testing.T, config sink.Config) *sink.Server {
	t.Helper()
	s, err := sink.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// codes reads n replies.
func codes(t *testing.T, from *bufio.Reader, n int) (list []string) {
	t.Helper()
	for len(list) < n {
		line, err := from.ReadString('\n')
		if err != nil {
			t.Fatalf("%v after %v", err, list)
		}
		if line[3] == ' ' {
			list = append(list, line[:3])
		}
	}
	return list
}

// TestLongBody sends more than a buffer, and a command right after it.
func TestLongBody(t *testing.T) {
	s := start(t, sink.Config{})
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	body := strings.Repeat(strings.Repeat("x", 76)+"\r\n", 5000)
	if _, err := io.WriteString(conn, "MAIL FROM:<>\r\nRCPT TO:<b@y>\r\nDATA\r\n"+body+".\r\nQUIT\r\n"); err != nil {
		t.Fatal(err)
	}
	want := strings.Fields("220 250 250 354 250 221")
	if diff := cmp.Diff(want, codes(t, bufio.NewReader(conn), len(want))); diff != "" {
		t.Error(diff)
	}
	if n := s.Counts().Messages; n != 1 {
		t.Errorf("%d messages", n)
	}
}
