// Package newsletter is the mail part of a newsletter manager: several relays by configuration, header fields of the
// operator, a return path for bounces, and campaigns that report each subscriber.
package newsletter

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/message/markup"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
)

// Config is what the operator writes into the configuration file. Empty values are defaults.
type Config struct {
	From       string            `json:"from"`        // "Name <address>"
	ReturnPath string            `json:"return_path"` // where bounces go
	Headers    map[string]string `json:"headers"`     // set on every mail
	IDDomain   string            `json:"message_id_domain"`
	Retries    int               `json:"retries"` // attempts in all; 0 is 4
	RetryDelay smtp.Duration     `json:"retry_delay"`
	Relays     []smtp.Config     `json:"relays"` // used in turn
}

// Mailer sends campaigns. It is safe for concurrent use.
type Mailer struct {
	config Config
	sender transport.Transport
}

// New checks the whole configuration; nothing connects yet.
func New(c Config) (*Mailer, error) {
	var relays []transport.Transport
	var faults []error
	for _, relay := range c.Relays {
		t, err := relay.Builder().BulkWindow(max(relay.BulkWindow, 20)).ResendUnsent().Build()
		relays, faults = append(relays, t), append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	turns, err := policy.Balance{Relays: relays}.Build()
	if err != nil {
		return nil, err
	}
	retry, err := policy.Retry{Next: turns, MaxAttempts: c.Retries, InitialBackoff: time.Duration(c.RetryDelay)}.Build()
	if err != nil {
		return nil, err
	}
	return &Mailer{c, retry}, nil
}

// Close gives back all connections, after the mail on its way has ended.
func (m *Mailer) Close(ctx context.Context) error { return transport.Shutdown(ctx, m.sender) }

// Subscriber is a row of the table.
type Subscriber struct{ ID, Name, Address string }

// Campaign is one issue.
type Campaign struct {
	ID, Subject, HTML string
	Unsubscribe       func(Subscriber) string // the page of one click
	Attachments       []message.Part
}

// Report is what became of a subscriber.
type Report struct {
	Subscriber Subscriber
	Sent       bool
	Dead       bool // take the address off the list
	Err        error
}

// Send sends a campaign and reports each subscriber, in the order in which they end.
func (m *Mailer) Send(ctx context.Context, c Campaign, list []Subscriber) iter.Seq[Report] {
	text := markup.Text(c.HTML) // once for all
	return func(yield func(Report) bool) {
		for sent, err := range transport.SendRows(ctx, m.sender, m.mails(c, text, list)) {
			report := Report{Subscriber: list[sent.Index], Sent: err == nil, Err: err}
			for _, r := range sent.Result.Recipients {
				report.Dead = report.Dead || r.MaySuppress()
			}
			if !yield(report) {
				return
			}
		}
	}
}

func (m *Mailer) mails(c Campaign, text string, list []Subscriber) iter.Seq2[transport.Mail, error] {
	return func(yield func(transport.Mail, error) bool) {
		for _, s := range list {
			msg, err := message.New().
				From(m.config.From).ToNamed(s.Name, s.Address).Subject(c.Subject).
				BounceTo(m.config.ReturnPath).MessageIDDomain(m.config.IDDomain).
				Text(text).HTML(c.HTML).Attach(c.Attachments...).
				ListUnsubscribeOneClick(c.Unsubscribe(s)).
				Headers(m.config.Headers).
				Build()
			if !yield(transport.WithKey(msg, c.ID+"/"+s.ID), err) {
				return
			}
		}
	}
}
