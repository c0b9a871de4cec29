package far_test

import (
	netsmtp "net/smtp"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// octets is a mail with a kibibyte of text.
var octets = []byte("From: <alice@rig.test>\r\nTo: <list@rig.test>\r\nDate: Wed, 25 Nov 2026 12:00:00 +0000\r\n" +
	"Message-ID: <1@rig.test>\r\nSubject: a kibibyte of text\r\n\r\n" +
	strings.Repeat("The quick brown fox jumps over the lazy dog, again.\r\n", 20))

// send sends mails over one connection that stays open, and returns the queue id of each, or nil where
// the way of sending does not tell.
type send func(mails []transport.Mail) (ids []string)

// way is a way to send many mails, and how many the test and the benchmarks send that way.
type way struct {
	name     string
	open     func(t testing.TB, to postfix) send
	few      int
	messages []int
}

var ways = []way{
	{"net/smtp, one by one", standard, 2, []int{30}},
	{"Send, one by one", one, 5, []int{100}},
	{"SendAll, DATA", all(data), 10, []int{100}},
	{"SendAll, BDAT", all(pipelining(1)), 10, []int{100}},
	{"Pipelining(20)", all(pipelining(20)), 50, []int{100, 1000}},
	{"Pipelining(64)", all(pipelining(64)), 50, []int{100, 1000}},
	{"Pipelining(200)", all(pipelining(200)), 50, []int{1000}},
}

// settings are steps of a builder.
type settings func(smtp.Builder) smtp.Builder

func data(b smtp.Builder) smtp.Builder { return b.Chunking(client.ChunkingOff) }

func pipelining(depth int) settings {
	return func(b smtp.Builder) smtp.Builder { return b.BulkWindow(depth) }
}

// standard is the standard library.
func standard(t testing.TB, to postfix) send {
	t.Helper()
	c, err := netsmtp.Dial(to.addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.Hello("localhost"); err != nil {
		t.Fatal(err)
	}
	return func(mails []transport.Mail) []string {
		for _, mail := range mails {
			if err := transaction(c, mail.Envelope().From().String(), recipient(mail)); err != nil {
				t.Fatal(err)
			}
		}
		return nil
	}
}

func transaction(c *netsmtp.Client, from, to string) error {
	if err := c.Mail(from); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(octets); err != nil {
		return err
	}
	return w.Close()
}

// transport opens a transport of one connection.
func (p postfix) transport(t testing.TB, set settings) *smtp.Transport {
	t.Helper()
	sender, err := set(smtp.DangerousPlaintext(p.host).Port(p.port).Pool(smtp.Pool{MaxOpen: 1})).Build()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	return sender
}

// one calls Send once for each mail.
func one(t testing.TB, to postfix) send {
	t.Helper()
	sender := to.transport(t, pipelining(1))
	return func(mails []transport.Mail) (ids []string) {
		for i, mail := range mails {
			result, err := sender.Send(t.Context(), mail)
			if err != nil {
				t.Fatalf("mail %d: %v", i, err)
			}
			ids = append(ids, accepted(t, i, result))
		}
		checkOne(t, sender)
		return ids
	}
}

// all calls SendAll once for all mails.
func all(set settings) func(testing.TB, postfix) send {
	return func(t testing.TB, to postfix) send {
		sender := to.transport(t, set)
		return func(mails []transport.Mail) []string {
			ids := make([]string, len(mails))
			for sent, err := range transport.SendAll(t.Context(), sender, func(yield func(transport.Mail) bool) {
				for _, mail := range mails {
					if !yield(mail) {
						return
					}
				}
			}) {
				if err != nil {
					t.Fatalf("mail %d: %v", sent.Index, err)
				}
				if ids[sent.Index] != "" {
					t.Fatalf("mail %d has two results", sent.Index)
				}
				ids[sent.Index] = accepted(t, sent.Index, sent.Result)
			}
			checkOne(t, sender)
			return ids
		}
	}
}

// accepted returns the queue id of a mail that must have been accepted.
func accepted(t testing.TB, i int, result *transport.Result) string {
	t.Helper()
	if got := result.Recipients[0].Outcome; got != transport.Accepted || result.QueueID == "" {
		t.Fatalf("mail %d is %v, its queue id %q", i, got, result.QueueID)
	}
	return result.QueueID
}

// checkOne fails the test when more than one connection was opened.
func checkOne(t testing.TB, sender *smtp.Transport) {
	t.Helper()
	if opened := sender.Stats().Opened; opened != 1 {
		t.Fatalf("%d connections were opened", opened)
	}
}
