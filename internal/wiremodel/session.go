package wiremodel

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/internal/memconn"
)

// session is one connection of an [Oracle].
type session struct {
	o    *Oracle
	conn int
	end  *memconn.End
	in   []byte // read and not used
	out  []byte // replies that are not written yet

	garbled bool   // a 354 out of place, after which the client hears nothing more
	seen    int    // transactions so far
	silent  Answer // not Normal when the server says nothing more
	closing Answer // of the step that is under way
	mail    bool
	tag     string
	named   []string // recipients of RCPT
	to      []string // those that were accepted
	chunks  []byte
	failed  bool // a chunk was refused
}

func (s *session) serve() {
	defer func() {
		s.flush()
		_ = s.end.Close() // the client may have closed it already
	}()
	s.reply(220)
	for {
		s.command(s.line())
	}
}

// stop ends the session from anywhere in it.
func (s *session) stop() { runtime.Goexit() }

// reply says a code, unless the server has become mute. The reply is written when the server waits.
func (s *session) reply(code int) {
	if s.silent == Normal {
		s.out = append(strconv.AppendInt(s.out, int64(code), 10), " x\r\n"...)
	}
}

// say says a line.
func (s *session) say(line string) { s.out = append(append(s.out, line...), "\r\n"...) }

func (s *session) flush() {
	if len(s.out) > 0 {
		_, _ = s.end.Write(s.out) // the client may have closed it
		s.out = s.out[:0]
	}
}

// fill reads more, and gives the client the time to write all that it can.
func (s *session) fill() {
	s.flush()
	if s.silent == MuteEnd || s.silent == MuteReset {
		_ = s.end.SetReadDeadline(time.Now().Add(idle)) // a closed connection shows at the read
	}
	buf := make([]byte, 4096)
	n, err := s.end.Read(buf)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && s.silent == MuteEnd:
		s.hang(AfterEnd)
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.hang(AfterCut)
	case err != nil:
		s.stop()
	}
	s.in = append(s.in, buf[:n]...)
	if !s.end.Pending() {
		pause(breath)
	}
	for s.end.Pending() {
		n, err := s.end.Read(buf)
		if err != nil {
			return // what came before the end is served first
		}
		s.in = append(s.in, buf[:n]...)
	}
}

// hang closes the connection.
func (s *session) hang(how Answer) {
	s.flush()
	s.o.Ledger.end(s.conn, how)
	if how == AfterCut {
		_ = s.end.Reset() // the client may have closed it
	}
	s.stop()
}

func (s *session) line() string {
	for {
		if i := bytes.IndexByte(s.in, '\n'); i >= 0 {
			line := strings.TrimSuffix(string(s.in[:i]), "\r")
			s.in = s.in[i+1:]
			return line
		}
		s.fill()
	}
}

func (s *session) octets(n int) []byte {
	for len(s.in) < n {
		s.fill()
	}
	data := s.in[:n:n]
	s.in = s.in[n:]
	return data
}

// modelled reports whether the answer at a step is a choice.
func (s *session) modelled(kind Kind) bool {
	switch {
	case s.o.Choices == nil, s.conn > 0 && !s.o.Every:
		return false
	case s.conn > 0:
		return true
	case kind == Reset:
		return s.seen >= s.o.Skip
	}
	return s.seen > s.o.Skip
}

// step decides what the server does at a step, and does what does not depend on the step. It reports
// whether the answer is positive, and its code; 0 means that nothing is said.
func (s *session) step(kind Kind, rcpt string, normal int) (code int) {
	answer := Normal
	switch {
	case s.silent != Normal:
		s.o.Ledger.add(Event{Conn: s.conn, Kind: kind, Tag: s.tag, Rcpt: rcpt, Answer: s.silent})
		return 0
	case s.modelled(kind):
		list := ways(kind, normal, len(s.in) > 0)
		answer = list[s.o.Choices.Pick(len(list))]
	case s.conn == 0 && s.o.Before != nil && s.seen <= s.o.Skip:
		answer = s.o.Before(kind)
	}
	code = s.act(kind, answer, normal)
	s.garbled = s.garbled || code == 354 && kind != Data && kind != Reset
	s.o.Ledger.add(Event{
		Conn: s.conn, Kind: kind, Tag: s.tag, Rcpt: rcpt, Answer: answer, Code: code, Odd: answer != Normal && s.modelled(kind),
	})
	if answer == CloseEnd || answer == CloseCut { // before the step is carried out
		s.finish()
	}
	return code
}
