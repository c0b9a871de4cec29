package preview

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/transport"
)

// marks is what a handler remembers of mails: which were opened, and where they were released to.
type marks struct {
	mu       sync.Mutex
	opened   map[string]bool
	outcomes map[string][]outcome
}

// outcome is what came of a release.
type outcome struct {
	At         time.Time          `json:"at"`
	Recipients []recipientOutcome `json:"recipients"`
	Error      string             `json:"error,omitempty"`
}

// recipientOutcome is what came of a release for one recipient.
type recipientOutcome struct {
	Address string `json:"address"`
	Outcome string `json:"outcome"`
	Reply   string `json:"reply"`
}

func outcomeOf(result *transport.Result, err error) outcome {
	done := outcome{At: time.Now()}
	if err != nil {
		done.Error = cut(err.Error(), maxValue)
	}
	for _, r := range result.Recipients {
		done.Recipients = append(done.Recipients, recipientOutcome{
			Address: r.Address.String(), Outcome: r.Outcome.String(), Reply: cut(r.Reply.String(), maxValue),
		})
	}
	return done
}

func (m *marks) open(ids ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		m.opened[id] = true
	}
}

func (m *marks) isOpened(id string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.opened[id]
}

func (m *marks) released(id string, done outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.outcomes[id] = append(m.outcomes[id], done)
}

func (m *marks) releases(id string) []outcome {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.outcomes[id])
}

// unread counts the mails that were not opened, and forgets what is known of mails that are gone.
func (m *marks) unread(mails []*mailtest.Mail) (unread int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	there := make(map[string]bool, len(mails))
	for _, mail := range mails {
		there[mail.ID()] = true
		if !m.opened[mail.ID()] {
			unread++
		}
	}
	for id := range m.opened {
		if !there[id] {
			delete(m.opened, id)
		}
	}
	for id := range m.outcomes {
		if !there[id] {
			delete(m.outcomes, id)
		}
	}
	return unread
}

var errNotRecipient = errors.New("choose among the recipients of the mail; it is not released to others")

// choose returns a mail for some of its own recipients; for all without a choice.
func choose(mail *mailtest.Mail, to []string) (transport.Mail, error) {
	if len(to) == 0 {
		return mail, nil
	}
	var chosen []envelope.Recipient
	for _, r := range mail.Envelope().Recipients() {
		if slices.Contains(to, r.Address.String()) {
			chosen = append(chosen, r)
		}
	}
	if len(chosen) < len(to) {
		return nil, errNotRecipient
	}
	env, err := envelope.NewWithOptions(mail.Envelope().From(), chosen, mail.Envelope().Options())
	if err != nil {
		return nil, err
	}
	return mailtest.NewMail(mail.ID(), env, mail.Source(), mail.Received()), nil
}
