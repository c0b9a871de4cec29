package smtptest

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Action is what the server does at an event: steps in order. The zero Action is what the server would
// do by itself. An action is immutable and may serve many events at the same time.
//
// The step that gives a reply (Default, Reply, Accept, Decide) also decides: a recipient whose RCPT was
// answered 250 is a recipient, a 354 to DATA makes the server read content, a message whose end was
// answered 2yz is stored. An action without such a step decides nothing. At the points that have no
// reply of their own the server goes on after the action as if nothing had been.
type Action struct{ steps []step }

// step does one thing; errEnd ends the session.
type step func(s *session, a *answer) error

// answer is the reply that an action finds.
type answer struct {
	own     string       // what the server would say
	text    string       // what was decided
	decided func(string) // told at once, before the reply can leave; may be nil
	written func(bool)   // told that the reply goes to the network, then if that failed; may be nil
	// receive is given the message when the server's own reply is decided for, and returns what to say; may be nil.
	receive func(own string) string
}

// take returns the server's own reply, after the message was handed on if there is one.
func (a *answer) take() string {
	if a.receive != nil {
		a.own, a.receive = a.receive(a.own), nil
	}
	return a.own
}

// errEnd says that a step ended the session.
var errEnd = errors.New("smtptest: the session has ended")

func do(f step) Action { return Action{steps: []step{f}} }

// Then returns an action that does b after a.
func (a Action) Then(b Action) Action {
	return Action{steps: append(slices.Clip(a.steps), b.steps...)}
}

// Default gives the server's own reply, with its effect.
func Default() Action {
	return do(func(s *session, a *answer) error { return s.answer(a, a.take()) })
}

// Reply gives another reply, with its effect. Lines are separated by "\n"; the line ends are added.
func Reply(text string) Action {
	if !strings.HasSuffix(text, "\r\n") {
		text = strings.ReplaceAll(text, "\n", "\r\n") + "\r\n"
	}
	return do(func(s *session, a *answer) error { return s.answer(a, text) })
}

// Accept decides for the server's own reply and does not say it: the reply that gets lost.
func Accept() Action {
	return do(func(_ *session, a *answer) error { a.decide(a.take()); return nil })
}

// Decide decides for a reply and does not say it.
func Decide(text string) Action {
	return do(func(_ *session, a *answer) error { a.decide(text); return nil })
}

// Raw sends octets as they are, and decides nothing.
func Raw(octets string) Action {
	return do(func(s *session, _ *answer) error {
		s.link.out = append(s.link.out, octets...)
		return nil
	})
}

// Repeat sends octets n times as they are: the reply that never ends.
func Repeat(octets string, n int) Action {
	return do(func(s *session, _ *answer) error {
		for range n {
			s.link.out = append(s.link.out, octets...)
			if len(s.link.out) >= 1<<16 {
				if err := s.link.flush(); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Flush sends at once what was said so far, so that the next steps are another segment.
func Flush() Action { return do(func(s *session, _ *answer) error { return s.link.flush() }) }

// Slowly makes the server send octet by octet from now on, each followed by a pause; 0 ends that.
func Slowly(pause time.Duration) Action {
	return do(func(s *session, _ *answer) error {
		err := s.link.flush()
		s.link.slow = pause
		return err
	})
}

// Wait sends what was said and waits for a channel (the Done of a context for instance), or for the
// end of the server.
func Wait(until <-chan struct{}) Action {
	return do(func(s *session, _ *answer) error {
		if err := s.link.flush(); err != nil {
			return err
		}
		select {
		case <-until:
			return nil
		case <-s.server.done:
			return errEnd
		}
	})
}

// Pause sends what was said and waits for a time.
func Pause(d time.Duration) Action {
	return do(func(s *session, _ *answer) error {
		if err := s.link.flush(); err != nil {
			return err
		}
		return s.pause(d)
	})
}

// Read reads n octets of the content as they come on the wire, at [Body] alone, or less if it ends.
func Read(n int64) Action {
	return do(func(s *session, _ *answer) error {
		if s.content == nil {
			return nil
		}
		return s.content.read(n)
	})
}

// Close sends what was said and closes the connection; under TLS it says so first (close_notify).
func Close() Action { return do(func(s *session, _ *answer) error { return s.hangUp(true) }) }

// Cut sends what was said and closes the connection, under TLS without close_notify.
func Cut() Action { return do(func(s *session, _ *answer) error { return s.hangUp(false) }) }

// Reset sends what was said and resets the connection (RST).
func Reset() Action { return do(func(s *session, _ *answer) error { return s.reset() }) }

// HalfClose sends what was said, then the end of the stream (FIN), and goes on reading and dropping
// until the client goes.
func HalfClose() Action {
	return do(func(s *session, _ *answer) error {
		if err := s.closeWrite(); err != nil {
			return err
		}
		return s.drop()
	})
}

// Silence sends what was said, then reads and drops until the client goes.
func Silence() Action {
	return do(func(s *session, _ *answer) error {
		if err := s.link.flush(); err != nil {
			return err
		}
		return s.drop()
	})
}

// StopReading sends what was said, then neither reads nor sends until the server ends.
func StopReading() Action {
	return do(func(s *session, _ *answer) error {
		if err := s.link.flush(); err != nil {
			return err
		}
		<-s.server.done
		return errEnd
	})
}

// respond asks what to do at a point and does it. It returns the reply that was decided, "" for none.
func (s *session) respond(at, own string) (string, error) {
	return s.respondTo(at, &answer{own: own})
}

func (s *session) respondTo(at string, a *answer) (string, error) {
	action := s.ask(at, a.own)
	if action.steps == nil {
		var err error
		if action, err = s.limit(at, a.own); err != nil {
			return a.text, err
		}
	}
	if action.steps == nil {
		action = Default()
	}
	for _, step := range action.steps {
		if err := step(s, a); err != nil {
			return a.text, err
		}
	}
	return a.text, nil
}

// answer says a reply.
func (s *session) answer(a *answer, text string) error {
	a.decide(text)
	if a.written != nil && text != "" {
		s.link.written = append(s.link.written, a.written)
	}
	return s.slowed(text)
}

func (a *answer) decide(text string) {
	a.text = text
	if a.decided != nil {
		a.decided(text)
	}
}

// positive says whether a reply is a 2yz.
func positive(text string) bool { return strings.HasPrefix(text, "2") }

// code returns the number of a reply, 0 if it has none.
func code(text string) int {
	if len(text) < 3 {
		return 0
	}
	n, err := strconv.Atoi(text[:3])
	if err != nil {
		return 0
	}
	return n
}

// pause waits for a time or the end of the server.
func (s *session) pause(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-s.server.done:
		return errEnd
	}
}

// drop reads until the client goes.
func (s *session) drop() error {
	for {
		s.link.in = nil
		if err := s.link.read(); err != nil {
			return errors.Join(errEnd, ignoreEOF(err))
		}
	}
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
