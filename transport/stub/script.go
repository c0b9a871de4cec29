package stub

import (
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// script is what the next calls, and the next mentions of a recipient, will be answered.
type script struct {
	next   []Answer
	always Answer
}

func newScript() *script { return &script{always: Accept()} }

func (s *script) take() Answer {
	if len(s.next) == 0 {
		return s.always
	}
	a := s.next[0]
	s.next = s.next[1:]
	return a
}

// Next adds answers for the calls to come, one each. When they are used up, calls are answered as
// Always says. It returns t.
func (t *Transport) Next(answers ...Answer) *Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	calls := t.script("")
	calls.next = append(calls.next, answers...)
	return t
}

// Always sets the answer of calls that Next says nothing about; without it they are accepted. It
// returns t.
func (t *Transport) Always(answer Answer) *Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.script("").always = answer
	return t
}

// NextFor is Next for one recipient, named as its Address prints. Answers of a recipient count in
// calls that are accepted as a whole; their pauses do not.
func (t *Transport) NextFor(recipient string, answers ...Answer) *Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.script(recipient)
	s.next = append(s.next, answers...)
	return t
}

// AlwaysFor is Always for one recipient.
func (t *Transport) AlwaysFor(recipient string, answer Answer) *Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.script(recipient).always = answer
	return t
}

// script returns the script of a recipient, or of the calls for "". The caller holds mu.
func (t *Transport) script(of string) *script {
	if t.scripts == nil {
		t.scripts = map[string]*script{}
	}
	s := t.scripts[of]
	if s == nil {
		s = newScript()
		t.scripts[of] = s
	}
	return s
}

// part is what a call will say: the whole, and each recipient in the order of the envelope.
type part struct {
	whole Answer
	each  []Answer
}

// cast takes the answers of one call from the scripts.
func (t *Transport) cast(env envelope.Envelope) part {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := part{whole: t.script("").take(), each: make([]Answer, env.Len())}
	for i := range p.each {
		p.each[i] = p.whole
		if p.whole.Outcome != transport.Accepted {
			continue
		}
		if s := t.scripts[env.At(i).Address.String()]; s != nil {
			p.each[i] = s.take()
		}
	}
	return p
}

// reads reports whether the message leaves in this call.
func (p part) reads() bool {
	for _, a := range p.each {
		if a.reads() {
			return true
		}
	}
	return false
}

// losing is the answer of the first recipient that is not accepted.
func (p part) losing() (Answer, bool) {
	for _, a := range p.each {
		if a.Outcome != transport.Accepted {
			return a, true
		}
	}
	return Answer{}, false
}
