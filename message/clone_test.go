package message_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
	"github.com/google/go-cmp/cmp"
)

// steps has each step of a builder with an argument that is made of a word. TestCloneIsolation fails when a
// step is missing.
func steps(t *testing.T) map[string]func(b message.Builder, word string) message.Builder {
	t.Helper()
	type builder = message.Builder
	mailbox := func(word string) message.Mailbox {
		m, err := message.ParseMailbox("n <" + word + "@example.org>")
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	list := func(word string) message.AddressList {
		return message.Mailboxes(mailbox(word)).WithGroup(message.Group{Name: word, Members: []message.Mailbox{mailbox("in-" + word)}})
	}
	file := func(word string) message.Part { return message.FileBytes(word+".bin", []byte(word)) }
	address := func(word string) envelope.Address { return mailbox(word).Address }
	return map[string]func(b builder, word string) builder{
		"AMP":         func(b builder, w string) builder { return b.AMP("<html ⚡4email>" + w) },
		"Alternative": func(b builder, w string) builder { return b.Alternative(message.TextPart("text/markdown", w)) },
		"ArchivedAt":  func(b builder, w string) builder { return b.ArchivedAt("https://example.org/" + w) },
		"Attach":      func(b builder, w string) builder { return b.Attach(file(w)) },
		"AutoSubmitted": func(b builder, w string) builder {
			return b.AutoSubmitted(pick(w, message.AutoReplied, message.AutoNotified))
		},
		"Bcc":             func(b builder, w string) builder { return b.Bcc(w + "@example.org") },
		"BccMailbox":      func(b builder, w string) builder { return b.BccMailbox(mailbox(w)) },
		"BounceTo":        func(b builder, w string) builder { return b.BounceTo(w + "@example.org") },
		"BounceToAddress": func(b builder, w string) builder { return b.BounceToAddress(address(w)) },
		"Body":            func(b builder, w string) builder { return b.Body(message.Plain(w)) },
		"Calendar": func(b builder, w string) builder {
			return b.Calendar("REQUEST", "BEGIN:VCALENDAR\nMETHOD:REQUEST\nSUMMARY:"+w+"\nEND:VCALENDAR\n")
		},
		"Cc":                        func(b builder, w string) builder { return b.Cc(w + "@example.org") },
		"CcList":                    func(b builder, w string) builder { return b.CcList(list(w)) },
		"CcMailbox":                 func(b builder, w string) builder { return b.CcMailbox(mailbox(w)) },
		"Clock":                     func(b builder, _ string) builder { return b.Clock(func() time.Time { return good0 }) },
		"Clone":                     func(b builder, w string) builder { return b.Clone().Subject(w) },
		"Comments":                  func(b builder, w string) builder { return b.Comments(w) },
		"Date":                      func(b builder, w string) builder { return b.Date(good0.AddDate(0, 0, len(w))) },
		"DispositionNotificationTo": func(b builder, w string) builder { return b.DispositionNotificationTo(mailbox(w)) },
		"EightBit":                  func(b builder, w string) builder { return b.EightBit().Text("ü" + w) },
		"Envelope": func(b builder, w string) builder {
			env, err := envelope.New(address(w), address("to-"+w))
			if err != nil {
				t.Fatal(err)
			}
			return b.Envelope(env)
		},
		"EnvelopeOptions": func(b builder, w string) builder { return b.EnvelopeOptions(envelope.Options{EnvelopeID: w}) },
		"From":            func(b builder, w string) builder { return b.From(w + "@example.org") },
		"FromNamed":       func(b builder, w string) builder { return b.FromNamed(w, w+"@example.org") },
		"ReplyToNamed":    func(b builder, w string) builder { return b.ReplyToNamed(w, w+"@example.org") },
		"ToNamed":         func(b builder, w string) builder { return b.ToNamed(w, w+"@example.org") },
		"CcNamed":         func(b builder, w string) builder { return b.CcNamed(w, w+"@example.org") },
		"BccNamed":        func(b builder, w string) builder { return b.BccNamed(w, w+"@example.org") },
		"Fault":           func(b builder, w string) builder { return b.Fault("Mine", errors.New(w)) },
		"FromMailbox":     func(b builder, w string) builder { return b.FromMailbox(mailbox(w)) },
		"HTML":            func(b builder, w string) builder { return b.HTML("<p>" + w) },
		"HTMLPart":        func(b builder, w string) builder { return b.HTMLPart(message.HTML("<p>part " + w)) },
		"Headers": func(b builder, w string) builder {
			return b.Headers(map[string]string{"X-Map-" + w: w, "Subject": w})
		},
		"SetHeader":        func(b builder, w string) builder { return b.SetHeader("X-Set-"+w, w) },
		"WithoutMessageID": func(b builder, _ string) builder { return b.WithoutMessageID() },
		"Header":           func(b builder, w string) builder { return b.Header("X-"+w, w) },
		"Importance": func(b builder, w string) builder {
			return b.Importance(pick(w, message.ImportanceHigh, message.ImportanceLow))
		},
		"InReplyTo": func(b builder, w string) builder {
			return b.InReplyTo(build(t, good().MessageID("<"+w+"@example.org>")))
		},
		"InReplyToID":       func(b builder, w string) builder { return b.InReplyToID("<" + w + "@example.org>") },
		"Inline":            func(b builder, w string) builder { return b.Inline(w+"@example.org", file(w)) },
		"Internationalized": func(b builder, w string) builder { return b.Internationalized().Subject("ü" + w) },
		"KeepBcc":           func(b builder, w string) builder { return b.KeepBcc().Bcc(w + "@example.org") },
		"Keywords":          func(b builder, w string) builder { return b.Keywords(w, "more "+w) },
		"List": func(b builder, w string) builder {
			return b.List(message.ListHeaders{ID: w + ".example.org", Help: []string{"https://example.org/" + w}})
		},
		"ListUnsubscribeOneClick": func(b builder, w string) builder {
			return b.ListUnsubscribeOneClick("https://example.org/"+w, "mailto:"+w+"@example.org")
		},
		"MessageID":       func(b builder, w string) builder { return b.MessageID("<" + w + "@example.org>") },
		"MessageIDDomain": func(b builder, w string) builder { return b.MessageIDDomain(w + ".example.org") },
		"Precedence": func(b builder, w string) builder {
			return b.Precedence(pick(w, message.PrecedenceBulk, message.PrecedenceJunk))
		},
		"Priority": func(b builder, w string) builder {
			return b.Priority(pick(w, message.PriorityUrgent, message.PriorityNonUrgent))
		},
		"Random":          func(b builder, w string) builder { return b.Random(&counting{n: len(w)}) },
		"RawHeader":       func(b builder, w string) builder { return b.RawHeader("X-Raw-"+w, w) },
		"References":      func(b builder, w string) builder { return b.References("<" + w + "@example.org>") },
		"ReplyTo":         func(b builder, w string) builder { return b.ReplyTo(w + "@example.org") },
		"ReplyToList":     func(b builder, w string) builder { return b.ReplyToList(list(w)) },
		"ReplyToMailbox":  func(b builder, w string) builder { return b.ReplyToMailbox(mailbox(w)) },
		"Sender":          func(b builder, w string) builder { return b.Sender(w + "@example.org") },
		"SenderMailbox":   func(b builder, w string) builder { return b.SenderMailbox(mailbox(w)) },
		"Subject":         func(b builder, w string) builder { return b.Subject(w) },
		"Text":            func(b builder, w string) builder { return b.Text(w) },
		"TextPart":        func(b builder, w string) builder { return b.TextPart(message.Plain(w)) },
		"To":              func(b builder, w string) builder { return b.To(w + "@example.org") },
		"ToList":          func(b builder, w string) builder { return b.ToList(list(w)) },
		"ToMailbox":       func(b builder, w string) builder { return b.ToMailbox(mailbox(w)) },
		"UncheckedInline": func(b builder, w string) builder { return b.UncheckedInline().Subject(w) },
		"UserAgent":       func(b builder, w string) builder { return b.UserAgent(w) },
	}
}

// pick returns one value for the word "a" and the other for every other word.
func pick[T any](word string, a, other T) T {
	if word == "a" {
		return a
	}
	return other
}

// three is a builder with three of everything: appending to a slice of three elements writes into the room of
// the fourth, which two builders share when a fork does not cut it off.
func three(forms bool) message.Builder {
	b := message.New().From("f1@example.org", "f2@example.org", "f3@example.org").Sender("s@example.org").Subject("base")
	for _, w := range []string{"1", "2", "3"} {
		b = b.To("to"+w+"@example.org").Cc("cc"+w+"@example.org").Bcc("bcc"+w+"@example.org").ReplyTo("r"+w+"@example.org").
			References("<ref"+w+"@example.org>").InReplyToID("<irt"+w+"@example.org>").Header("X-Base-"+w, w)
		if forms {
			b = b.UncheckedInline().Inline("cid"+w+"@example.org", message.FileBytes(w, []byte(w))).Attach(message.FileBytes(w, []byte(w)))
		}
	}
	if forms {
		b = b.Text("text").HTML("<p>html").Alternative(message.TextPart("text/x-third", "third"))
	}
	return b
}

// TestCloneIsolation: two forks of one builder that take the same step with other arguments are what each would
// be alone. Otherwise one user's mail carries another user's header, recipient or attachment.
func TestCloneIsolation(t *testing.T) {
	all := steps(t)
	typ := reflect.TypeFor[message.Builder]()
	for m := range typ.Methods() {
		if m.Type.NumOut() == 1 && m.Type.Out(0) == typ && all[m.Name] == nil {
			t.Errorf("step %s is not in the table", m.Name)
		}
	}
	for name, step := range all {
		forms := name != "Body" // which takes the place of all forms of the text
		alone := func(word string) string { return outcome(step(three(forms), word)) }
		for _, order := range []string{"ab", "ba"} {
			base := three(forms)
			a, b := base.Clone(), base.Clone()
			if order == "ab" {
				a, b = step(a, "a"), step(b, "b")
			} else {
				b, a = step(b, "b"), step(a, "a")
			}
			base = step(base, "c") // and the one that was forked
			for word, fork := range map[string]message.Builder{"a": a, "b": b, "c": base} {
				if diff := cmp.Diff(alone(word), outcome(fork)); diff != "" {
					t.Errorf("%s(%s), order %s (-alone +fork):\n%s", name, word, order, diff)
				}
			}
		}
	}
}

// TestCloneIsolationOfFaults: what one fork did wrong is not said of another.
func TestCloneIsolationOfFaults(t *testing.T) {
	base := message.New().To("bad1", "bad2", "bad3")
	a, b := base.Clone(), base.Clone()
	a, b = a.Cc("bad a"), b.Cc("bad b")
	if got := outcome(a); !strings.Contains(got, "bad a") || strings.Contains(got, "bad b") {
		t.Errorf("the first fork says\n%s", got)
	}
	if got := outcome(b); !strings.Contains(got, "bad b") || strings.Contains(got, "bad a") {
		t.Errorf("the second fork says\n%s", got)
	}
}

// outcome is all that can be seen of a builder: the error of Build, or envelope and octets.
func outcome(b message.Builder) string {
	b = b.Date(good0).Random(&counting{})
	m, err := b.Build()
	if err != nil {
		return err.Error()
	}
	text, err := m.Bytes()
	if err != nil {
		return err.Error()
	}
	env, err := m.Envelope().MarshalJSON()
	if err != nil {
		return err.Error()
	}
	return string(slices.Concat(env, []byte("\n"), text))
}
