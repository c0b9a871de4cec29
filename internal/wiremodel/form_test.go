package wiremodel_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/wiremodel"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// form is a way in which a mail can travel.
type form struct {
	name     string
	offer    []string
	lmtp     bool
	lockstep bool   // one command at a time
	chunks   bool   // the content travels unasked
	begin    bool   // by Conn.Begin
	sequence bool   // the mails go one after the other
	last     bool   // the mail is the last one: QUIT follows its content
	fault    string // of the source of one mail: it "fails", or is "short" or "long" of what it was
	mails    int    // of the model, in a window where there are several
	rcpts    int    // of each
	step     func(smtp.Builder) smtp.Builder
	config   client.Config // for begin
}

func forms() []form {
	pipelining, chunking := []string{"PIPELINING"}, []string{"PIPELINING", "CHUNKING"}
	trusted := func(b smtp.Builder) smtp.Builder { return b.Chunking(client.ChunkingTrusted) }
	all := func(b smtp.Builder) smtp.Builder { return b.AllOrNothing() }
	list := []form{
		{name: "lockstep", lockstep: true},
		{name: "lockstep BDAT", offer: []string{"CHUNKING"}, lockstep: true, step: trusted},
		{name: "DATA", offer: pipelining},
		{name: "BDAT", offer: chunking, chunks: true, step: trusted},
		{name: "LMTP", offer: pipelining, lmtp: true},
		{name: "LMTP BDAT", offer: chunking, lmtp: true, chunks: true, step: trusted},
		{name: "all or nothing", offer: pipelining, step: all},
		{name: "all or nothing BDAT", offer: chunking, step: func(b smtp.Builder) smtp.Builder { return all(trusted(b)) }},
		{name: "Begin", offer: pipelining, begin: true},
		{name: "Begin lockstep", begin: true, lockstep: true},
		{name: "Begin BDAT", offer: chunking, begin: true, config: client.Config{Chunking: client.ChunkingTrusted}},
	}
	for i := range list {
		list[i].mails, list[i].rcpts = 1, 2
	}
	return list
}

// lasts are the forms in which QUIT follows the content.
func lasts() []form {
	trusted := func(b smtp.Builder) smtp.Builder { return b.Chunking(client.ChunkingTrusted) }
	return []form{
		{name: "DATA, QUIT", offer: []string{"PIPELINING"}, last: true, mails: 1, rcpts: 2},
		{name: "BDAT, QUIT", offer: []string{"PIPELINING", "CHUNKING"}, chunks: true, last: true, mails: 1, rcpts: 1, step: trusted},
	}
}

// windows are the forms in which several mails travel at once.
func windows() []form {
	window := func(b smtp.Builder) smtp.Builder { return b.Chunking(client.ChunkingTrusted).BulkWindow(3) }
	resume := func(b smtp.Builder) smtp.Builder { return window(b).ResendUnsent() }
	chunking := []string{"PIPELINING", "CHUNKING"}
	list := []form{
		{name: "window BDAT", offer: chunking, chunks: true, step: window},
		{name: "window BDAT resend", offer: chunking, chunks: true, step: resume},
		{name: "window DATA", offer: []string{"PIPELINING"}, step: window},
		{name: "window DATA resend", offer: []string{"PIPELINING"}, step: resume},
		{name: "window LMTP BDAT resend", offer: chunking, lmtp: true, chunks: true, step: resume},
		{name: "window lockstep resend", lockstep: true, step: resume},
	}
	for i := range list {
		list[i].mails, list[i].rcpts = 3, 2
	}
	return list
}

// probes are the forms in which the server shows what it does with a chunk that it refuses.
func probes() []form {
	resume := func(b smtp.Builder) smtp.Builder { return b.BulkWindow(3).ResendUnsent() }
	chunking := []string{"PIPELINING", "CHUNKING"}
	return []form{
		{name: "probe", offer: chunking, sequence: true, mails: 2, rcpts: 1},
		{name: "probe in bulk", offer: chunking, mails: 2, rcpts: 1, step: resume},
	}
}

// faulty are the forms again, with a source that is not what it was when the mail was planned.
func faulty(forms []form) (list []form) {
	for _, form := range forms {
		for _, fault := range []string{"fails", "short", "long"} {
			form := form
			form.name, form.fault = form.name+", a source "+fault, fault
			list = append(list, form)
		}
	}
	return list
}

// broken is the tag of the mail whose source is faulty.
func (f form) broken() string {
	if f.mails > 1 {
		return "t2"
	}
	return "t1"
}

// mail returns a mail of the model.
func (f form) mail(i int) transport.Mail {
	tag := fmt.Sprint("t", i+1)
	mail := mails[fmt.Sprintf("%s%d", tag, f.rcpts)]
	if f.fault != "" && tag == f.broken() {
		if f.mails > 1 { // so large that a part of it has left before its fault shows, and the mail before it too
			mail = transport.Raw(mail.Envelope(), large)
		}
		return &faultySource{Mail: mail, fault: f.fault}
	}
	return mail
}

// faultySource is whole when it is read for the first time, and something else each time after that.
type faultySource struct {
	transport.Mail
	fault string
	reads int
}

var large = append([]byte("Subject: t2\r\n"), bytes.Repeat([]byte("0123456789abcdef0123456789abcdef\r\n"), 5000)...)

var errSource = errors.New("the disk is gone")

func (m *faultySource) WriteTo(w io.Writer) (int64, error) {
	var b bytes.Buffer
	_, _ = m.Mail.WriteTo(&b) // a buffer takes everything
	if m.reads++; m.reads == 1 {
		n, err := w.Write(b.Bytes())
		return int64(n), err
	}
	text := b.Bytes()
	switch m.fault {
	case "long":
		text = append(text, strings.Repeat("more\r\n", m.reads)...)
	default:
		left := len(text) * 2 / (m.reads + 1)
		text = append(text[:left:left], "\r\n"...)
	}
	n, err := w.Write(text)
	if err == nil && m.fault == "fails" {
		err = errSource
	}
	return int64(n), err
}

// state is what the connection has seen before.
type state struct {
	name   string
	skip   int
	before func(wiremodel.Kind) wiremodel.Answer
	pause  time.Duration
}

func only(kind wiremodel.Kind, answer wiremodel.Answer) func(wiremodel.Kind) wiremodel.Answer {
	return func(k wiremodel.Kind) wiremodel.Answer {
		if k == kind {
			return answer
		}
		return wiremodel.Normal
	}
}

func states() []state {
	return []state{
		{name: "fresh"},
		{name: "reused", skip: 1},
		{name: "reused, idle", skip: 1, pause: 5 * time.Second},
		{name: "reused after a refusal", skip: 1, before: only(wiremodel.Verdict, wiremodel.Never)},
		{name: "reused after refused recipients, idle", skip: 1, before: only(wiremodel.Rcpt, wiremodel.Never), pause: 5 * time.Second},
	}
}

// content is that of a mail. It has a line that begins with a dot, and an end that can be found.
func content(tag string) string { return "Subject: " + tag + "\r\n\r\n.dot\r\nEND-" + tag + "\r\n" }

var tags = []string{"p1", "p2", "t1", "t2", "t3"}

// wholes has the tag of each content.
var wholes = func() map[string]string {
	m := map[string]string{}
	for _, tag := range tags {
		m[content(tag)] = tag
	}
	return m
}()

// mails are the mails of all dialogues, by their tag and number of recipients.
var mails = func() map[string]transport.Mail {
	m := map[string]transport.Mail{}
	for _, tag := range tags {
		for n := 1; n <= 2; n++ {
			m[fmt.Sprint(tag, n)] = transport.Raw(envelopeOf(tag, n), []byte(content(tag)))
		}
	}
	return m
}()

func envelopeOf(tag string, n int) envelope.Envelope {
	var to []envelope.Address
	for i := range n {
		to = append(to, parse(recipient(tag, i)))
	}
	env, err := envelope.New(parse(tag+"@example.org"), to...)
	if err != nil {
		panic(err)
	}
	return env
}

func recipient(tag string, i int) string { return fmt.Sprintf("r%d.%s@example.org", i+1, tag) }

func parse(s string) envelope.Address {
	a, err := envelope.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}
