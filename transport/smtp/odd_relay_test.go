package smtp_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// oddRelay is a server in memory that does not do what it offers. It remembers what it took.
type oddRelay struct {
	keywords []string
	// bdat is the reply to a chunk: "" for the usual one, "silence", or a refusal.
	bdat func(inTransaction bool) string
	// deaf: of a flight of commands it answers the first only, and forgets the others.
	deaf bool
	// strict is the reply to a first command that others follow, which it then takes for nonsense.
	strict string
	// noMail: strict is the reply to each MAIL, alone or not.
	noMail bool
	// closes is after how many mails it closes without a word; 0 for never.
	closes int

	mu       sync.Mutex
	stored   []string // recipients
	sessions int
	commands []string // of all sessions
}

func (o *oddRelay) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	o.mu.Lock()
	o.sessions++
	o.mu.Unlock()
	s := &oddSession{o: o, r: bufio.NewReader(far), w: bufio.NewWriter(far)}
	go func() {
		defer far.Close()
		s.serve()
	}()
	return near, nil
}

type oddSession struct {
	o     *oddRelay
	r     *bufio.Reader
	w     *bufio.Writer
	to    []string
	mails int
}

func (s *oddSession) say(reply string) { fmt.Fprintf(s.w, "%s\r\n", reply) }

func (s *oddSession) serve() {
	s.say("220 odd")
	for {
		if s.r.Buffered() == 0 && s.w.Flush() != nil {
			return
		}
		line, err := s.r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		s.o.mu.Lock()
		s.o.commands = append(s.o.commands, line)
		s.o.mu.Unlock()
		switch more := s.r.Buffered() > 0; {
		case more && s.o.deaf:
			_, _ = s.r.Discard(s.r.Buffered())
		case more && s.o.strict != "" && !s.o.noMail && (strings.HasPrefix(line, "MAIL") || line == "RSET"):
			_, _ = s.r.Discard(s.r.Buffered())
			s.say(s.o.strict)
			continue
		}
		if !s.command(line) {
			_ = s.w.Flush()
			return
		}
	}
}

func (s *oddSession) command(line string) bool {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "MAIL", "RCPT", "DATA":
		if s.o.noMail {
			s.say(map[bool]string{true: s.o.strict, false: "503 5.5.1 no MAIL"}[verb == "MAIL"])
			break
		}
		return s.transaction(verb, rest)
	case "EHLO":
		s.say(strings.Join(append([]string{"250-odd"}, s.o.keywords...), "\r\n250-") + "\r\n250 HELP")
	case "BDAT":
		return s.chunk(rest)
	case "RSET":
		s.to = nil
		s.say("250 ok")
	case "QUIT":
		s.say("221 bye")
		return false
	default:
		s.say("250 ok")
	}
	return true
}

func (s *oddSession) transaction(verb, rest string) bool {
	if verb != "DATA" {
		if verb == "RCPT" {
			s.to = append(s.to, strings.TrimSuffix(strings.TrimPrefix(rest, "TO:<"), ">"))
		}
		s.say("250 ok")
		return true
	}
	s.say("354 go")
	for line := ""; line != ".\r\n"; {
		if s.w.Flush() != nil {
			return false
		}
		var err error
		if line, err = s.r.ReadString('\n'); err != nil {
			return false
		}
	}
	return s.take()
}

func (s *oddSession) chunk(rest string) bool {
	size, _ := strconv.Atoi(strings.TrimSuffix(rest, " LAST"))
	if s.w.Flush() != nil {
		return false
	}
	if _, err := io.CopyN(io.Discard, s.r, int64(size)); err != nil {
		return false
	}
	reply := ""
	if s.o.bdat != nil {
		reply = s.o.bdat(len(s.to) > 0)
	}
	switch {
	case reply == "silence":
		_, _ = io.Copy(io.Discard, s.r) // until the client goes
		return false
	case reply != "":
		s.say(reply)
	case len(s.to) == 0:
		s.say("503 5.5.1 no recipients")
	default:
		return s.take()
	}
	return true
}

func (s *oddSession) take() bool {
	s.o.mu.Lock()
	s.o.stored = append(s.o.stored, s.to...)
	s.o.mu.Unlock()
	s.to = nil
	s.mails++
	s.say("250 2.0.0 queued")
	return s.o.closes == 0 || s.mails < s.o.closes
}

func (o *oddRelay) said(verb string) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, line := range o.commands {
		if strings.HasPrefix(line, verb) {
			n++
		}
	}
	return n
}

var chunkingOffered = []string{"PIPELINING", "CHUNKING"}

// outcomes sends mails one by one, or by SendAll, and counts what became of them.
func outcomes(t *testing.T, sender *smtp.Transport, all bool, n int) map[transport.Outcome]int {
	t.Helper()
	counts := map[transport.Outcome]int{}
	if !all {
		for i := range n {
			result, _ := sender.Send(t.Context(), mail(t, fmt.Sprintf("r%d@example.org", i))) // the result tells
			counts[result.Recipients[0].Outcome]++
		}
		return counts
	}
	for sent := range transport.SendAll(t.Context(), sender, func(yield func(transport.Mail) bool) {
		for i := range n {
			if !yield(mail(t, fmt.Sprintf("r%d@example.org", i))) {
				return
			}
		}
	}) {
		counts[sent.Result.Recipients[0].Outcome]++
	}
	return counts
}

// TestRelayThatDoesNotDoWhatItOffers: what was learned of a relay is unlearned by the first evidence against
// it, and no mail is stored twice or lost.
func TestRelayThatDoesNotDoWhatItOffers(t *testing.T) {
	for name, tc := range map[string]struct {
		relay   func() *oddRelay
		config  func(smtp.Builder) smtp.Builder
		unknown int // of 20 mails; the others are accepted
	}{
		"BDAT refused as unknown in a transaction, after a good probe": {
			func() *oddRelay {
				return &oddRelay{keywords: chunkingOffered, bdat: func(in bool) string { return map[bool]string{true: "502 5.5.1 unknown"}[in] }}
			}, nil, 0,
		},
		"BDAT unknown everywhere": {
			func() *oddRelay {
				return &oddRelay{keywords: chunkingOffered, bdat: func(bool) string { return "500 unknown" }}
			}, nil, 0,
		},
		"BDAT unknown, and the caller trusts it": {
			func() *oddRelay {
				return &oddRelay{keywords: chunkingOffered, bdat: func(bool) string { return "502 5.5.1 unknown" }}
			},
			func(b smtp.Builder) smtp.Builder { return b.Chunking(client.ChunkingTrusted) }, 1,
		},
		"a chunk in a transaction is never answered": {
			func() *oddRelay {
				return &oddRelay{keywords: chunkingOffered, bdat: func(in bool) string { return map[bool]string{true: "silence"}[in] }}
			}, nil, 1,
		},
		"of a flight only the first line is answered": {func() *oddRelay { return &oddRelay{keywords: pipeliningOffered, deaf: true} }, nil, 0},
		"500 to the first command of a flight":        {func() *oddRelay { return &oddRelay{keywords: pipeliningOffered, strict: "500 what"} }, nil, 0},
		"503 to the first command of a flight": {
			func() *oddRelay {
				return &oddRelay{keywords: pipeliningOffered, strict: "503 5.5.1 improper pipelining"}
			}, nil, 0,
		},
	} {
		for _, all := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, all: %v", name, all), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					o := tc.relay()
					b := smtp.DangerousPlaintext("odd.example.org").Dialer(o.dial).Pool(smtp.Pool{MaxOpen: 1})
					if tc.config != nil {
						b = tc.config(b)
					}
					sender := build(t, b)
					got := outcomes(t, sender, all, 20)
					if got[transport.Accepted] != 20-tc.unknown || got[transport.Unknown] != tc.unknown || len(o.stored) != 20-tc.unknown {
						t.Errorf("%v, %d stored, said %q", got, len(o.stored), o.commands[:min(len(o.commands), 40)])
					}
					twice := map[string]int{}
					for _, to := range o.stored {
						if twice[to]++; twice[to] > 1 {
							t.Errorf("%s has it twice", to)
						}
					}
					_ = sender.Close()
				})
			})
		}
	}
}

var pipeliningOffered = []string{"PIPELINING"}

// TestRefusalThatIsNotABrokenFlight: where lockstep does not help, a refusal is what it says, and is not tried
// again for each mail.
func TestRefusalThatIsNotABrokenFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, reply := range []string{"503 5.5.1 not you", "501 5.5.4 bad parameter", "503 5.1.8 bad sender"} {
			o := &oddRelay{keywords: pipeliningOffered, strict: reply, noMail: true}
			sender := build(t, smtp.DangerousPlaintext("odd.example.org").Dialer(o.dial).Pool(smtp.Pool{MaxOpen: 1}))
			if got := outcomes(t, sender, false, 4); got[transport.Rejected] != 4 { // of more, a connection would have its errors full
				t.Errorf("%s: %v", reply, got)
			}
			if want := map[bool]int{true: 2, false: 1}[strings.Contains(reply, "not you")]; o.sessions > want {
				t.Errorf("%s: %d connections, want at most %d", reply, o.sessions, want)
			}
			_ = sender.Close()
		}
	})
}

// TestWhatWasLearnedIsForgotten: BDAT is tried again after some minutes, and used when the relay has learned it.
func TestWhatWasLearnedIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		unknown := true
		o := &oddRelay{keywords: chunkingOffered, bdat: func(bool) string {
			if unknown {
				return "502 5.5.1 unknown"
			}
			return ""
		}}
		sender := build(t, smtp.DangerousPlaintext("odd.example.org").Dialer(o.dial).Pool(smtp.Pool{MaxOpen: 1}))
		outcomes(t, sender, false, 5)
		before := o.said("BDAT")
		unknown = false
		outcomes(t, sender, false, 5)
		if n := o.said("BDAT") - before; n != 0 {
			t.Errorf("%d chunks at once", n)
		}
		time.Sleep(11 * time.Minute) // of the bubble
		before = o.said("BDAT")
		if got := outcomes(t, sender, false, 5); got[transport.Accepted] != 5 {
			t.Errorf("%v", got)
		}
		if n := o.said("BDAT") - before; n < 1+3 { // the probe, and the mails after its reply
			t.Errorf("%d chunks in the end", n)
		}
		_ = sender.Close()
	})
}

// TestSilentTwice: a relay that has answered chunks, and answers them no longer, is given DATA after two
// connections.
func TestSilentTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := false
		o := &oddRelay{keywords: chunkingOffered, bdat: func(in bool) string {
			return map[bool]string{true: "silence"}[in && silent]
		}}
		sender := build(t, smtp.DangerousPlaintext("odd.example.org").Dialer(o.dial).Pool(smtp.Pool{MaxOpen: 1}))
		outcomes(t, sender, false, 5)
		silent = true
		if got := outcomes(t, sender, false, 10); got[transport.Unknown] != 2 || got[transport.Accepted] != 8 {
			t.Errorf("%v", got)
		}
		_ = sender.Close()
	})
}

// TestRelayThatClosesSilently: a relay that closes without a word after the same number of mails costs no more
// mails than show it, also when that number is one.
func TestRelayThatClosesSilently(t *testing.T) {
	for _, after := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			o := &oddRelay{keywords: chunkingOffered, closes: after}
			b := smtp.DangerousPlaintext("odd.example.org").Dialer(o.dial).Chunking(client.ChunkingTrusted).Pool(smtp.Pool{MaxOpen: 1}).BulkWindow(20).ResendUnsent()
			sender := build(t, b)
			got := outcomes(t, sender, true, 100)
			again := outcomes(t, sender, true, 100)
			if again[transport.Accepted] != 100 || got[transport.Accepted]+got[transport.Unknown] != 100 {
				t.Errorf("closes after %d: %v, then %v", after, got, again)
			}
			time.Sleep(11 * time.Minute) // of the bubble
			if later := outcomes(t, sender, true, 100); later[transport.Accepted] != 100 {
				t.Errorf("closes after %d: later %v", after, later)
			}
			_ = sender.Close()
		})
	}
}
