package wiremodel

// act does what an answer does beside its code: to fall silent, and to end the connection. The code is
// said here, but for the answers after which the connection ends, which the caller of [session.finish]
// ends when the step was carried out.
func (s *session) act(kind Kind, answer Answer, normal int) (code int) {
	switch answer {
	case Normal, AfterEnd, AfterCut:
		code = normal
	case Yes:
		code = 250
	case Start:
		code = 354
	case Later, BadLink, LaterEnd:
		code = 451
	case Never:
		code = 550
	case Bye, ByeEnd:
		code = 421
	case Unknown, Run:
		code = 502
	case Slow:
		s.flush()
		pause(slow)
		code = 250
	case Garbage:
		s.say("what?")
	case Cancel:
		s.flush()
		pause(breath)
		s.silent = answer
		s.o.Cancel()
	case Silence, MuteEnd, MuteReset, CloseEnd, CloseCut:
	}
	switch {
	case answer == BadLink:
		s.say("451 4.4.2 x")
	case code != 0:
		s.reply(code)
	}
	if answer.mute() {
		s.silent = answer
	}
	s.closing = answer
	return code
}

// finish ends the connection after a step whose answer does so.
func (s *session) finish() {
	switch s.closing {
	case AfterEnd, ByeEnd, LaterEnd, CloseEnd:
		s.hang(AfterEnd)
	case AfterCut, CloseCut:
		s.hang(AfterCut)
	default:
	}
}
