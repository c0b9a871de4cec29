package response_test

import (
	"bufio"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/depeche-mail/depeche/transport/smtp/response"
	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	cases := map[string]struct {
		in   string
		want response.Response
		text string
	}{
		"one line":              {"250 ok\r\n", response.Response{Code: 250, Lines: []string{"ok"}}, "250 ok"},
		"digits only":           {"250\r\n", response.Response{Code: 250, Lines: []string{""}}, "250"},
		"digits and space":      {"250 \r\n", response.Response{Code: 250, Lines: []string{""}}, "250"},
		"bare LF":               {"250 ok\n", response.Response{Code: 250, Lines: []string{"ok"}}, "250 ok"},
		"enhanced":              {"550 5.1.1 no such user\r\n", response.Response{Code: 550, Enhanced: response.Enhanced{5, 1, 1}, Lines: []string{"no such user"}}, "550 5.1.1 no such user"},
		"enhanced without text": {"250 2.0.0\r\n", response.Response{Code: 250, Enhanced: response.Enhanced{2, 0, 0}, Lines: []string{""}}, "250 2.0.0"},
		"enhanced on every line": {
			"451-4.7.1 try\r\n451 4.7.1 later\r\n",
			response.Response{Code: 451, Enhanced: response.Enhanced{4, 7, 1}, Lines: []string{"try", "later"}},
			"451 4.7.1 try later",
		},
		"enhanced codes differ":                 {"451-4.7.1 a\r\n451 4.7.2 b\r\n", response.Response{Code: 451, Enhanced: response.Enhanced{4, 7, 1}, Lines: []string{"a", "4.7.2 b"}}, "451 4.7.1 a 4.7.2 b"},
		"class contradicts the code":            {"550 2.1.5 ok?\r\n", response.Response{Code: 550, Lines: []string{"2.1.5 ok?"}}, "550 2.1.5 ok?"},
		"malformed enhanced code":               {"550 5..1 x\r\n", response.Response{Code: 550, Lines: []string{"5..1 x"}}, "550 5..1 x"},
		"enhanced number too long":              {"550 5.1000.1 x\r\n", response.Response{Code: 550, Lines: []string{"5.1000.1 x"}}, "550 5.1000.1 x"},
		"enhanced with leading zero":            {"550 5.01.1 x\r\n", response.Response{Code: 550, Lines: []string{"5.01.1 x"}}, "550 5.01.1 x"},
		"several lines":                         {"250-a\r\n250-b\r\n250 c\r\n", response.Response{Code: 250, Lines: []string{"a", "b", "c"}}, "250 a b c"},
		"continuation line without text":        {"250-\r\n250 c\r\n", response.Response{Code: 250, Lines: []string{"", "c"}}, "250  c"},
		"unprintable text":                      {"250 a\x00b\x1bc\xffd\u0085e\r\n", response.Response{Code: 250, Lines: []string{"a?b?c?d?e"}}, "250 a?b?c?d?e"},
		"bare CR inside":                        {"250 a\rb\r\n", response.Response{Code: 250, Lines: []string{"a?b"}}, "250 a?b"},
		"1000 octets":                           {"250 " + strings.Repeat("x", 1000) + "\r\n", response.Response{Code: 250, Lines: []string{strings.Repeat("x", 1000)}}, "250 " + strings.Repeat("x", 1000)},
		"a line of exactly the limit":           {"250 " + strings.Repeat("x", response.MaxLine-6) + "\r\n", response.Response{Code: 250, Lines: []string{strings.Repeat("x", response.MaxLine-6)}}, "250 " + strings.Repeat("x", response.MaxLine-6)},
		"UTF-8 text stays":                      {"250 grüß dich\r\n", response.Response{Code: 250, Lines: []string{"grüß dich"}}, "250 grüß dich"},
		"a code nobody knows, of a known class": {"299 x\r\n", response.Response{Code: 299, Lines: []string{"x"}}, "299 x"},
		"the second digit is not judged":        {"252 x\r\n", response.Response{Code: 252, Lines: []string{"x"}}, "252 x"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			sources := map[string]io.Reader{
				"at once":        strings.NewReader(tc.in + "220 next\r\n"),
				"octet by octet": iotest.OneByteReader(strings.NewReader(tc.in + "220 next\r\n")),
			}
			for how, source := range sources {
				r := response.NewReader(source)
				got, err := response.Read(r)
				if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
					t.Errorf("%s: %v\n%s", how, err, diff)
				}
				if got.String() != tc.text {
					t.Errorf("%s: prints as %q", how, got.String())
				}
				if next, err := response.Read(r); next.Code != 220 || err != nil {
					t.Errorf("%s: the next reply is %v, %v", how, next, err)
				}
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	cases := map[string]string{
		"no separator":                  "250ok\r\n",
		"four digits":                   "2500 ok\r\n",
		"two digits":                    "25 ok\r\n",
		"letters":                       "abc ok\r\n",
		"999":                           "999 ok\r\n",
		"099":                           "099 ok\r\n",
		"000":                           "000 ok\r\n",
		"leading blank":                 " 250 ok\r\n",
		"empty line":                    "\r\n",
		"1yz":                           "150 wait\r\n",
		"differing codes":               "250-a\r\n251 b\r\n",
		"SSH":                           "SSH-2.0-OpenSSH_9.6\r\n",
		"HTTP":                          "HTTP/1.1 400 Bad Request\r\n",
		"TLS":                           "\x15\x03\x01\x00\x02\x02\x0a\n",
		"line over the limit":           "250 " + strings.Repeat("x", response.MaxLine) + "\r\n",
		"one octet over the limit":      "250 " + strings.Repeat("x", response.MaxLine-5) + "\r\n",
		"endless continuations":         strings.Repeat("250-x\r\n", response.MaxReply/7+1),
		"garbage inside a continuation": "250-a\r\ngarbage\r\n",
	}
	for name, in := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := response.Read(response.NewReader(strings.NewReader(in)))
			var protocol *response.ProtocolError
			if !errors.As(err, &protocol) {
				t.Fatalf("got %v, want a ProtocolError", err)
			}
			if len(err.Error()) > 400 || strings.ContainsAny(err.Error(), "\x00\x15\r\n") {
				t.Errorf("unprintable or long error %q", err)
			}
		})
	}
}

func TestReadEnds(t *testing.T) {
	broken := errors.New("broken")
	cases := map[string]struct {
		source io.Reader
		want   error
	}{
		"nothing":           {strings.NewReader(""), io.EOF},
		"half a line":       {strings.NewReader("250 o"), io.ErrUnexpectedEOF},
		"half a reply":      {strings.NewReader("250-ok\r\n"), io.ErrUnexpectedEOF},
		"connection breaks": {io.MultiReader(strings.NewReader("250 o"), iotest.ErrReader(broken)), broken},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got, err := response.Read(response.NewReader(tc.source)); !errors.Is(err, tc.want) {
				t.Errorf("got %v, %v; want %v", got, err, tc.want)
			}
		})
	}
}

// endless repeats one piece of text for ever.
type endless struct {
	text string
	read int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.text[(e.read+i)%len(e.text)]
	}
	e.read += len(p)
	return len(p), nil
}

func TestReadMemoryIsBounded(t *testing.T) {
	for _, text := range []string{"250-", "250-x\r\n", "x"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		source := &endless{text: text}
		_, err := response.Read(response.NewReader(source))
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Fatalf("an endless %q was read as a reply", text)
		}
		if source.read > 2*response.MaxReply {
			t.Errorf("%q: %d octets read", text, source.read)
		}
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
			t.Errorf("%q: %d octets allocated", text, grown)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("250-a\r\n250 b\r\n"))
	f.Add([]byte("550 5.1.1 x\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		r := response.NewReader(strings.NewReader(string(in)))
		for {
			got, err := response.Read(r)
			if err != nil {
				return
			}
			again, err := response.Read(bufio.NewReaderSize(strings.NewReader(wire(got)), response.MaxReply))
			if diff := cmp.Diff(got, again); diff != "" || err != nil {
				t.Fatalf("%q reads as %q, which reads as %v:\n%s", in, wire(got), err, diff)
			}
		}
	})
}

// wire writes a reply as a server would.
func wire(r response.Response) string {
	var b strings.Builder
	for i, line := range r.Lines {
		separator := "-"
		if i == len(r.Lines)-1 {
			separator = " "
		}
		b.WriteString(r.Code.String() + separator)
		if i == 0 && !r.Enhanced.IsZero() {
			b.WriteString(r.Enhanced.String() + " ")
		}
		b.WriteString(line + "\r\n")
	}
	return b.String()
}
