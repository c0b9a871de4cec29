package response_test

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/depeche-mail/depeche/transport/smtp/response"
	"github.com/google/go-cmp/cmp"
)

// parseAll feeds text to a Parser in pieces of the given size.
func parseAll(text string, size int) ([]response.Response, bool, error) {
	var p response.Parser
	var all []response.Response
	for piece := []byte(nil); text != ""; {
		piece = append(piece, text[:min(size, len(text))]...)
		text = text[min(size, len(text)):]
		for len(piece) > 0 {
			reply, used, err := p.Parse(piece)
			if err != nil {
				return all, true, err
			}
			piece = piece[used:]
			if !reply.IsZero() {
				all = append(all, reply)
			} else if len(piece) > 0 {
				return all, true, errors.New("octets were left though no reply came")
			}
		}
	}
	return all, p.IsPartial(), nil
}

func TestParserTakesAnyPieces(t *testing.T) {
	const text = "220 mx ready\r\n250-mx\r\n250-SIZE 5\r\n250 HELP\r\n250 2.1.0 Ok\r\n250 2.1.0 Ok\r\n250\r\n250\r\n" +
		"354 go\n550-5.1.1 a\r\n550 5.1.1 b\r\n250 2.1.0 Ok\r\n250 2.1.0 Okay\r\n" +
		"250-2.1.0 two\r\n250 2.1.0 Ok\r\n250 2.1.0 Ok"
	enhanced := response.Enhanced{Class: 2, Subject: 1, Detail: 0}
	ok := response.Response{Code: 250, Enhanced: enhanced, Lines: []string{"Ok"}}
	want := []response.Response{
		{Code: 220, Lines: []string{"mx ready"}},
		{Code: 250, Lines: []string{"mx", "SIZE 5", "HELP"}},
		ok, ok,
		{Code: 250, Lines: []string{""}},
		{Code: 250, Lines: []string{""}},
		{Code: 354, Lines: []string{"go"}},
		{Code: 550, Enhanced: response.Enhanced{Class: 5, Subject: 1, Detail: 1}, Lines: []string{"a", "b"}},
		ok,
		{Code: 250, Enhanced: enhanced, Lines: []string{"Okay"}},
		{Code: 250, Enhanced: enhanced, Lines: []string{"two", "Ok"}},
	}
	for size := 1; size <= len(text); size++ {
		got, partial, err := parseAll(text, size)
		if diff := cmp.Diff(want, got); diff != "" || err != nil || !partial {
			t.Fatalf("pieces of %d: partial %v, %v\n%s", size, partial, err, diff)
		}
	}
}

// TestParserKeepsText changes the octets that a reply was read from, which must not show in it.
func TestParserKeepsText(t *testing.T) {
	var p response.Parser
	data := []byte("250 2.1.0 Ok\r\n")
	for range 5 {
		reply, _, err := p.Parse(data)
		copy(data, "250 2.1.0 No\r\n")
		if err != nil || reply.Text() != "Ok" {
			t.Fatal(reply, err)
		}
		copy(data, "250 2.1.0 Ok\r\n")
	}
}

// TestParserRefusesEarly holds that another protocol is refused before its line ends.
func TestParserRefusesEarly(t *testing.T) {
	for _, text := range []string{"S", "HTTP", "\x15\x03\x01", "1", "6", "2x", "25x", "250x", "2500", "250\x00", "\x00", "250-a\r\n3x"} {
		for _, size := range []int{1, len(text)} {
			_, _, err := parseAll(text, size)
			var protocol *response.ProtocolError
			if !errors.As(err, &protocol) {
				t.Errorf("%q in pieces of %d: %v", text, size, err)
			}
		}
	}
	if all, partial, err := parseAll("25", 1); len(all) != 0 || !partial || err != nil {
		t.Errorf("a reply that may still come: %v, %v, %v", all, partial, err)
	}
}

func TestParserReadLeavesTheRest(t *testing.T) {
	r := response.NewReader(iotest.HalfReader(strings.NewReader("250-a\r\n250 b\r\n220 c\r\n25")))
	var p response.Parser
	for _, want := range []string{"250 a b", "220 c"} {
		if got, err := p.Read(r); err != nil || got.String() != want {
			t.Errorf("%v, %v; want %s", got, err, want)
		}
	}
	if _, err := p.Read(r); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a reply that is cut off: %v", err)
	}
}

// TestParserAllocations keeps the cost of the replies that come with every message.
func TestParserAllocations(t *testing.T) {
	flight := []byte(strings.Repeat("250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go ahead\r\n250 2.0.0 Ok: queued as 4XyZ1\r\n", 100))
	var p response.Parser
	perFlight := testing.AllocsPerRun(10, func() {
		for rest := flight; len(rest) > 0; {
			_, used, err := p.Parse(rest)
			if err != nil {
				t.Fatal(err)
			}
			rest = rest[used:]
		}
	})
	if perReply := perFlight / 400; perReply > 0.05 {
		t.Errorf("%.2f allocations per reply", perReply)
	}
	line := []byte("250 2.1.0 Ok\r\n")
	if once := testing.AllocsPerRun(100, func() {
		var fresh response.Parser
		if reply, _, err := fresh.Parse(line); reply.IsZero() || err != nil {
			t.Fatal(reply, err)
		}
	}); once > 2 {
		t.Errorf("%.0f allocations for one reply of a fresh parser", once)
	}
}

func BenchmarkParser(b *testing.B) {
	for name, text := range map[string]string{
		"same":    "250 2.1.0 Ok\r\n",
		"refusal": "550 5.1.1 <a@example.org>: no such user here\r\n",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var p response.Parser
			data := []byte(text)
			for b.Loop() {
				if reply, _, err := p.Parse(data); reply.IsZero() || err != nil {
					b.Fatal(reply, err)
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	const reply = "250 2.1.0 Ok\r\n"
	for name, read := range map[string]func(*bufio.Reader) (response.Response, error){
		"alone":  response.Read,
		"parser": new(response.Parser).Read,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			source := strings.NewReader("")
			r := response.NewReader(source)
			for b.Loop() {
				if r.Buffered() == 0 {
					source.Reset(strings.Repeat(reply, 200))
				}
				if _, err := read(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
