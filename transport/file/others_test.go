package file_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/file"
)

// TestTraceOfOthers: a message may begin with fields of the same names; they are content.
func TestTraceOfOthers(t *testing.T) {
	const text = "Delivered-To: old-victim@example.net\r\nReturn-Path: <x@example.net>\r\nFrom: a@b.org\r\n\r\nx\r\n"
	for name, layout := range layouts {
		path := filepath.Join(t.TempDir(), "box")
		if _, err := newTransport(t, layout, path).Send(t.Context(), raw(t, "s@b.org", "new@example.org", text)); err != nil {
			t.Fatal(err)
		}
		s := stored(t, path)[0]
		if s.Envelope().Len() != 1 || s.Envelope().At(0).Address.String() != "new@example.org" || string(octets(t, s)) != text {
			t.Errorf("%s: %v, %q", name, s.Envelope(), octets(t, s))
		}
	}
}

func TestManyRecipientsComeBack(t *testing.T) {
	var to []envelope.Address
	for i := range 30_000 {
		to = append(to, address(t, fmt.Sprintf("recipient-%d@example.org", i)))
	}
	env, err := envelope.New(envelope.Address{}, to...)
	if err != nil {
		t.Fatal(err)
	}
	for name, layout := range layouts {
		path := filepath.Join(t.TempDir(), "box")
		if _, err := newTransport(t, layout, path).Send(t.Context(), transport.Raw(env, []byte("To: x@y.org\r\n\r\nx\r\n"))); err != nil {
			t.Fatal(err)
		}
		if s := stored(t, path)[0]; s.Envelope().Len() != len(to) || string(octets(t, s)) != "To: x@y.org\r\n\r\nx\r\n" {
			t.Errorf("%s: %d recipients", name, s.Envelope().Len())
		}
	}
}

// TestMboxWhileReading: no writer waits for a reader of an mbox file, and Send waits for no longer than ctx.
func TestMboxWhileReading(t *testing.T) {
	path := filepath.Join(t.TempDir(), "box")
	tr := newTransport(t, file.Mbox, path)
	for range 3 {
		if _, err := tr.Send(t.Context(), raw(t, "a@b.org", "c@d.org", "x\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	folder, err := file.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for s, err := range folder.All() {
		if err != nil {
			t.Fatal(err)
		}
		if _, err := folder.Get(s.ID()); err != nil {
			t.Error(err)
		}
		if _, err := tr.Send(t.Context(), raw(t, "a@b.org", "c@d.org", "y\r\n")); err != nil {
			t.Error(err)
		}
		n++
	}
	if n != 3 || len(stored(t, path)) != 6 {
		t.Errorf("%d messages, then %d", n, len(stored(t, path)))
	}
	writing, ended := make(chan struct{}), make(chan struct{})
	var first sync.WaitGroup
	first.Go(func() {
		_, err := tr.Send(t.Context(), cut{raw(t, "a@b.org", "c@d.org", ""), func() error { close(writing); <-ended; return nil }})
		if err != nil {
			t.Error(err)
		}
	})
	<-writing
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tr.Send(ctx, raw(t, "a@b.org", "c@d.org", "x\r\n")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(ended)
	first.Wait()
}

// TestMboxOfAnotherProgram: its last line may have no end; any other file is an error.
func TestMboxOfAnotherProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "box")
	if err := os.WriteFile(path, []byte("From x Thu Jan  1 00:00:00 2026\nTo: a@b.org\n\nlast line"), 0o600); err != nil {
		t.Fatal(err)
	}
	result, err := newTransport(t, file.Mbox, path).Send(t.Context(), raw(t, "a@b.org", "c@d.org", "mine\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	folder, err := file.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := folder.Get(result.QueueID); err != nil || string(octets(t, s)) != "mine\r\n" {
		t.Errorf("%v", err)
	}
	if all := stored(t, path); len(all) != 2 || !strings.HasSuffix(string(octets(t, all[0])), "last line\r\n") {
		t.Errorf("%d messages", len(all))
	}
	other := filepath.Join(t.TempDir(), "welcome.eml")
	if err := os.WriteFile(other, []byte("Subject: x\n\nFrom me\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if folder, err = file.Open(other); err != nil {
		t.Fatal(err)
	}
	for s, err := range folder.All() {
		if err == nil {
			t.Errorf("read %v", s)
		}
	}
}

// TestOddNamesAreNotSkipped: what can't be read by its id comes with an error.
func TestOddNamesAreNotSkipped(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Re hello.eml"), []byte("To: a@b.org\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	folder, err := file.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	faults := 0
	for _, err := range folder.All() {
		if err != nil {
			faults++
		}
	}
	if faults != 1 {
		t.Errorf("%d faults", faults)
	}
}

// TestNamesInAnyCharset: of names nothing has to be understood.
func TestNamesInAnyCharset(t *testing.T) {
	dir := t.TempDir()
	const text = "From: =?x-unknown?q?=FF?= <\"a b\"@b.org>\nTo: =?gb2312?b?xOO6ww==?= <c@d.org>\n\nx\n"
	if err := os.WriteFile(filepath.Join(dir, "x.eml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if all := stored(t, dir); len(all) != 1 || all[0].Envelope().String() != `"a b"@b.org > c@d.org` {
		t.Errorf("%v", all)
	}
}

// TestEnvelopesAreNotGuessed: where no envelope was stored and the header does not tell it for certain,
// no recipient gets the mail.
func TestEnvelopesAreNotGuessed(t *testing.T) {
	for name, header := range map[string]string{
		"To":     "From: a@b.org\nTo: c@d.org, broken\nCc: e@f.org\n",
		"resent": "Resent-To: x@y.org\nFrom: a@b.org\nTo: c@d.org\n",
		"Bcc":    "From: a@b.org\nTo: c@d.org\nBcc: e@f.org\n",
		"From":   "From: broken\nTo: c@d.org\n",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "x.eml"), []byte(header+"\nx\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		folder, err := file.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := folder.Get("x"); err == nil {
			t.Errorf("%s: %v", name, s)
		}
	}
}
