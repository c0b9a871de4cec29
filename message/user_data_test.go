package message_test

import (
	"errors"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
	"github.com/google/go-cmp/cmp"
)

// TestUserDataInOneStep: a name and an address of a form are one recipient with that name, whatever they hold, or an
// error of Build that shows the address.
func TestUserDataInOneStep(t *testing.T) {
	for name, tc := range map[string]struct {
		mailbox message.Mailbox
		to      string // of the field, "" for an error
		value   string // of the error
	}{
		"plain":               {message.NewMailbox("Hei", "hei@example.org"), "Hei <hei@example.org>", ""},
		"a name with a list":  {message.NewMailbox("x, evil@example.org", "hei@example.org"), `"x, evil@example.org" <hei@example.org>`, ""},
		"net/mail":            {message.FromNetMail(mail.Address{Name: "Hei", Address: "hei@example.org"}), "Hei <hei@example.org>", ""},
		"no name":             {message.NewMailbox("", "hei@example.org"), "hei@example.org", ""},
		"two addresses":       {message.NewMailbox("x", "a@example.org, b@example.org"), "", "a@example.org, b@example.org"},
		"an address in <>":    {message.NewMailbox("x", "<a@example.org>"), "", "<a@example.org>"},
		"a field in the name": {message.NewMailbox("x\r\nBcc: evil@example.org", "hei@example.org"), "", "x\r\nBcc: evil@example.org"},
		"nothing":             {message.NewMailbox("", ""), "", ""},
	} {
		m, err := message.New().From("a@example.org").ToMailbox(tc.mailbox).Text("x").Build()
		if tc.to == "" {
			field, ok := errors.AsType[*message.FieldError](err)
			if !ok || field.Field != "To" || field.Value != tc.value || tc.mailbox.Err() == nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || tc.mailbox.Err() != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := string(octets(t, m)); !strings.Contains(got, "\r\nTo: "+tc.to+"\r\n") || m.Envelope().Len() != 1 {
			t.Errorf("%s: %v\n%s", name, m.Envelope(), got)
		}
	}
}

// TestBounceTo: the sender of the envelope is the return path, the author of the message stays.
func TestBounceTo(t *testing.T) {
	env, err := envelope.Parse("explicit@example.org", "c@example.org")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		builder message.Builder
		want    string
	}{
		"an address":          {good().BounceTo("bounces@example.org"), "bounces@example.org > b@example.org"},
		"null":                {good().BounceTo("<>"), "<> > b@example.org"},
		"empty":               {good().BounceTo("x@example.org").BounceTo(""), "a@example.org > b@example.org"},
		"typed":               {good().BounceToAddress(env.From()), "explicit@example.org > b@example.org"},
		"before Sender":       {good().Sender("s@example.org").BounceTo("bounces@example.org"), "bounces@example.org > b@example.org"},
		"an envelope wins":    {good().Envelope(env).BounceTo("bounces@example.org"), "explicit@example.org > c@example.org"},
		"without it, Sender":  {good().Sender("s@example.org"), "s@example.org > b@example.org"},
		"the last one counts": {good().BounceTo("x@example.org").BounceTo("y@example.org"), "y@example.org > b@example.org"},
	} {
		m := build(t, tc.builder)
		if got := m.Envelope().String(); got != tc.want || !strings.Contains(string(octets(t, m)), "From: a@example.org\r\n") {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	if _, err := good().BounceTo("no address").Build(); err == nil || !strings.Contains(err.Error(), "BounceTo") {
		t.Errorf("%v", err)
	}
}

// TestPath: a file of the system by its path, and an error that says what an fs.FS does not take.
func TestPath(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "7.pdf")
	if err := os.WriteFile(file, []byte("%PDF-1.7"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := string(octets(t, build(t, good().Attach(message.Path(file)))))
	if !strings.Contains(got, "Content-Disposition: attachment; filename=7.pdf") || !strings.Contains(got, "Content-Type: application/pdf") {
		t.Error(got)
	}
	if _, err := good().Attach(message.Path(filepath.Join(folder, "8.pdf"))).Build(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	var said []bool
	for _, name := range []string{"/7.pdf", "./7.pdf", "7.pdf", "8.pdf"} {
		_, err := good().Attach(message.File(os.DirFS(folder), name)).Build()
		said = append(said, err != nil && strings.Contains(err.Error(), "message.Path"))
	}
	if diff := cmp.Diff([]bool{true, true, false, false}, said); diff != "" {
		t.Error(diff)
	}
}

// TestAStringIsOneMailbox: no string of a user becomes several recipients.
func TestAStringIsOneMailbox(t *testing.T) {
	steps := map[string]func(message.Builder, ...string) message.Builder{
		"To": message.Builder.To, "Cc": message.Builder.Cc, "Bcc": message.Builder.Bcc, "ReplyTo": message.Builder.ReplyTo, "From": message.Builder.From,
	}
	for name, step := range steps {
		for _, text := range []string{"a: v@example.org, evil@example.org;", "a: v@example.org;", "a:;", "v@example.org, evil@example.org", "v@example.org; evil@example.org"} {
			_, err := step(good(), text).Build()
			if fault, ok := errors.AsType[*message.FieldError](err); !ok || fault.Field != name || fault.Value != text {
				t.Errorf("%s(%q): %v", name, text, err)
			}
		}
	}
}
