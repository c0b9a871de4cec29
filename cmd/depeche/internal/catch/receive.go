package catch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/mailtest/preview"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

var errRecipient = errors.New("none of the recipients can be read as an address")

// receive keeps what the mail server has taken.
func (s *Server) receive(m smtptest.Message) error {
	env, notes, err := envelopeOf(m)
	if err != nil {
		return err
	}
	notes = append([]preview.Note{{Name: "Connection", Text: connection(m)}}, notes...)
	for _, refused := range s.sessions.refused(m.Session) {
		notes = append(notes, preview.Note{Name: "Refused", Text: refused})
	}
	id := rand.Text()
	if s.store != nil {
		if id, err = s.store.save(context.Background(), transport.Raw(env, m.Content)); err != nil {
			s.config.Log(Event{Event: "store failed", Error: err.Error()})
			return err
		}
	}
	mail := mailtest.NewMail(id, env, string(m.Content), m.Time)
	s.sessions.note(id, notes, func(id string) bool { _, ok := s.inbox.Get(id); return ok })
	err = s.inbox.Keep(mail)
	if s.store != nil {
		s.store.kept(id)
	}
	if err != nil {
		return err
	}
	s.config.Log(Event{Event: "caught", ID: id, Mail: mail.String()})
	if s.hook != nil {
		s.hook.tell(id)
	}
	return nil
}

// envelopeOf returns who sent and who received. What cannot be read as an address is in the notes.
func envelopeOf(m smtptest.Message) (env envelope.Envelope, notes []preview.Note, err error) {
	var from envelope.Address
	if err := from.UnmarshalText([]byte(m.From.Address)); err != nil {
		notes = append(notes, preview.Note{Name: "Sender", Text: fmt.Sprintf("%q: %v", m.From.Address, err)})
	}
	var to []envelope.Address
	for _, r := range m.Recipients {
		address, err := envelope.ParseAddress(r.Address)
		if strings.EqualFold(r.Address, "postmaster") { // RFC 5321 section 4.1.1.3
			address, err = envelope.Postmaster(), nil
		}
		if err != nil {
			notes = append(notes, preview.Note{Name: "Recipient", Text: fmt.Sprintf("%q: %v", r.Address, err)})
			continue
		}
		to = append(to, address)
	}
	if len(to) == 0 {
		return env, notes, errRecipient
	}
	env, err = envelope.New(from, to...)
	return env, notes, err
}

// connection says how a mail came.
func connection(m smtptest.Message) string {
	words := []string{"EHLO " + m.Hello}
	if m.TLS {
		words = append(words, "TLS")
	} else {
		words = append(words, "no TLS")
	}
	if m.User != "" {
		words = append(words, "login "+m.User)
	}
	if m.Chunks > 0 {
		words = append(words, "BDAT in "+strconv.Itoa(m.Chunks))
	}
	return strings.Join(words, ", ")
}

// sessions remembers which recipients of a transaction were refused, and what is known of each mail.
type sessions struct {
	mu        sync.Mutex
	refusals  map[int][]string // by session, of the transaction that is open
	byMail    map[string][]preview.Note
	pruneFrom int // how many notes there may be until those of mails that are gone are forgotten
}

const (
	maxRefusals  = 1000 // sessions
	minimumNotes = 100
)

func newSessions() *sessions {
	return &sessions{refusals: map[int][]string{}, byMail: map[string][]preview.Note{}, pruneFrom: minimumNotes}
}

// watch is the first hook: it sees each transaction begin.
func (s *sessions) watch(e smtptest.Event) smtptest.Action {
	if e.At == smtptest.Mail {
		s.mu.Lock()
		delete(s.refusals, e.Session)
		s.mu.Unlock()
	}
	return smtptest.Action{}
}

// refuse remembers that a recipient was refused.
func (s *sessions) refuse(session int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.refusals) >= maxRefusals {
		clear(s.refusals)
	}
	s.refusals[session] = append(s.refusals[session], text)
}

func (s *sessions) refused(session int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.refusals[session]
	delete(s.refusals, session)
	return list
}

// note remembers what is known of a mail, and forgets it after the mail has gone.
func (s *sessions) note(id string, notes []preview.Note, isThere func(id string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byMail[id] = notes
	if len(s.byMail) <= s.pruneFrom {
		return
	}
	for other := range s.byMail {
		if other != id && !isThere(other) {
			delete(s.byMail, other)
		}
	}
	s.pruneFrom = max(minimumNotes, 2*len(s.byMail))
}

func (s *sessions) notes(mail *mailtest.Mail) []preview.Note {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byMail[mail.ID()]
}
