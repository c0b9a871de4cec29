package file_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/file"
	"github.com/depeche-mail/depeche/transport/stub"
	"github.com/depeche-mail/depeche/transport/transporttest"
	"github.com/google/go-cmp/cmp"
)

// layouts are the ways to store messages.
var layouts = map[string]func(path string) (*file.Transport, error){
	"eml": file.New, "maildir": file.Maildir, "mbox": file.Mbox,
}

func TestConformance(t *testing.T) {
	for name, layout := range layouts {
		t.Run(name, func(t *testing.T) {
			var path string
			transporttest.Run(t, transporttest.Harness{
				New: func(t *testing.T) transport.Transport {
					path = filepath.Join(t.TempDir(), "new", "outbox")
					return newTransport(t, layout, path)
				},
				Received: func(t *testing.T) []transporttest.Received {
					var all []transporttest.Received
					for _, s := range stored(t, path) {
						r := transporttest.Received{From: s.Envelope().From().String(), Data: octets(t, s)}
						for _, to := range s.Envelope().Recipients() {
							r.To = append(r.To, to.Address.String())
						}
						all = append(all, r)
					}
					return all
				},
			})
		})
	}
}

func newTransport(t *testing.T, layout func(string) (*file.Transport, error), path string) *file.Transport {
	t.Helper()
	tr, err := layout(path)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// stored reads everything back.
func stored(t *testing.T, path string) []*file.StoredMessage {
	t.Helper()
	folder, err := file.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // an mbox file that nothing was written to
	}
	if err != nil {
		t.Fatal(err)
	}
	var all []*file.StoredMessage
	for s, err := range folder.All() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

func octets(t *testing.T, s *file.StoredMessage) []byte {
	t.Helper()
	var b bytes.Buffer
	if n, err := s.WriteTo(&b); err != nil || n != s.Size() || n != int64(b.Len()) {
		t.Fatalf("%d of %d octets, %v", n, s.Size(), err)
	}
	return b.Bytes()
}

func address(t *testing.T, s string) envelope.Address {
	t.Helper()
	a, err := envelope.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func raw(t *testing.T, from, to, text string) transport.Mail {
	t.Helper()
	var sender envelope.Address
	if from != "" {
		sender = address(t, from)
	}
	env, err := envelope.New(sender, address(t, to))
	if err != nil {
		t.Fatal(err)
	}
	return transport.Raw(env, []byte(text))
}

func TestReadBack(t *testing.T) {
	texts := []string{
		"Subject: 1\r\n\r\nplain\r\n",
		"Subject: 2\r\n\r\nFrom here\r\n>From there\r\n>>From\r\nFrom\r\nFromage\r\n > From\r\n>",
		"Subject: 3\r\n\r\n\r\n\r\nFrom \r\n\r\n",
		"Return-Path: <x@example.org>\r\nDelivered-To: y@example.org\r\n\r\nits own trace\r\n",
		"\r\nno header\r\n",
	}
	for name, layout := range layouts {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "box")
			tr := newTransport(t, layout, path)
			var ids []string
			for i, text := range texts {
				from := fmt.Sprintf("s%d@example.org", i)
				if i == 2 {
					from = ""
				}
				result, err := tr.Send(t.Context(), raw(t, from, "r@example.org", text))
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, result.QueueID)
			}
			all := stored(t, path)
			if len(all) != len(texts) {
				t.Fatalf("%d messages", len(all))
			}
			folder, err := file.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			for i, text := range texts {
				if name == "mbox" && !strings.HasSuffix(text, "\r\n") {
					text += "\r\n" // lines are all that an mbox file can hold
				}
				s, err := folder.Get(ids[i])
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(text, string(octets(t, s))); diff != "" || all[i].ID() != ids[i] || s.Envelope().Len() != 1 {
					t.Errorf("message %d, %s: %s", i, all[i].ID(), diff)
				}
				if name != "mbox" && s.Time().IsZero() {
					t.Error("no time")
				}
				if from := s.Envelope().From(); from.IsNull() != (i == 2) {
					t.Errorf("message %d from %v", i, from)
				}
			}
			if _, err := folder.Get("20260101T000000.000000000Z-NONE"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("got %v for an id that is not there", err)
			}
			switch err := folder.Remove(ids[0]); {
			case name == "mbox":
				if err == nil {
					t.Error("something was removed from an mbox file")
				}
			case err != nil:
				t.Error(err)
			case len(stored(t, path)) != len(texts)-1:
				t.Error("nothing was removed")
			}
		})
	}
}

func TestIDsStayInTheFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret.eml"), []byte("To: a@b.org\r\n\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, layout := range layouts {
		path := filepath.Join(dir, name)
		newTransport(t, layout, path)
		folder, err := file.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"../secret", "..", ".", "", "a/b", `a\b`, "/etc/passwd", "x\x00", strings.Repeat("x", 300), ".hidden", "a:b"} {
			var field *envelope.FieldError
			if _, err := folder.Get(id); !errors.As(err, &field) {
				t.Errorf("%s: Get(%q): %v", name, id, err)
			}
			if err := folder.Remove(id); !errors.As(err, &field) {
				t.Errorf("%s: Remove(%q): %v", name, id, err)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "secret.eml")); err != nil {
		t.Error(err)
	}
}

// TestLettre reads what lettre's FileTransport writes, with and without envelopes, and a file of another program.
func TestLettre(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("0a27a1b2-1111-4c4c-8b8b-000000000001.eml", "From: a@b.org\r\n\r\nx\r\n")
	write("0a27a1b2-1111-4c4c-8b8b-000000000001.json", `{"forward_path":["c@d.org","e@f.org"],"reverse_path":"s@b.org"}`)
	write("0a27a1b2-1111-4c4c-8b8b-000000000002.eml", "From: a@b.org\r\n\r\nx\r\n")
	write("0a27a1b2-1111-4c4c-8b8b-000000000002.json", `{"forward_path":["c@d.org"],"reverse_path":null}`)
	write("0a27a1b2-1111-4c4c-8b8b-000000000003.eml", "Sender: s@b.org\r\nFrom: =?utf-8?q?=C3=BC?= <a@b.org>\r\nTo: G: c@d.org;, e@f.org\r\n\r\nx\r\n")
	write("note.eml", "Subject: nobody\n\nx\n")
	write("half.eml.tmp", "From: a@b.org\r\n")
	write("orphan.json", `{"from":"a@b.org","to":[{"address":"c@d.org"}]}`)
	var got []string
	for _, s := range stored(t, dir) {
		var to []string
		for _, r := range s.Envelope().Recipients() {
			to = append(to, r.Address.String())
		}
		got = append(got, s.Envelope().From().String()+" > "+strings.Join(to, " "))
	}
	want := []string{"s@b.org > c@d.org e@f.org", " > c@d.org", "s@b.org > c@d.org e@f.org", " > "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	write("zbad.eml", "x")
	write("zbad.json", "{")
	folder, err := file.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	good, bad := 0, 0
	for s, err := range folder.All() {
		if err != nil && s == nil && strings.Contains(err.Error(), "zbad") {
			bad++
		} else {
			good++
		}
	}
	if good != 4 || bad != 1 {
		t.Errorf("%d good, %d bad", good, bad)
	}
}

func TestMaildirOfAMailProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "box")
	tr := newTransport(t, file.Maildir, path)
	result, err := tr.Send(t.Context(), raw(t, "a@b.org", "c@d.org", "To: x@y.org\r\n\r\n1\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	// It was read and flagged, and another program has delivered one.
	if err := os.Rename(filepath.Join(path, "new", result.QueueID), filepath.Join(path, "cur", result.QueueID+":2,S")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(path, "new", "1767225600.M1P2.host"), []byte("From: a@b.org\nTo: e@f.org\n\n2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range stored(t, path) {
		got = append(got, s.Envelope().At(0).Address.String()+" "+string(octets(t, s)))
	}
	if diff := cmp.Diff([]string{"e@f.org From: a@b.org\nTo: e@f.org\n\n2\n", "c@d.org To: x@y.org\r\n\r\n1\r\n"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestReplay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "box")
	tr := newTransport(t, file.New, path)
	for i := range 5 {
		if _, err := tr.Send(t.Context(), raw(t, "a@b.org", fmt.Sprintf("r%d@d.org", i), "x\r\n")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(path, "bad.eml"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	folder, err := file.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	to := stub.New()
	sent, bad := 0, 0
	for s, err := range folder.Replay(t.Context(), to) {
		switch {
		case s.Index < 0 && err != nil:
			bad++
		case err != nil:
			t.Error(err)
		default:
			sent++
			if stored, ok := s.Mail.(*file.StoredMessage); !ok {
				t.Errorf("%T", s.Mail)
			} else if err := folder.Remove(stored.ID()); err != nil {
				t.Error(err)
			}
		}
	}
	if sent != 5 || bad != 1 || len(to.Messages()) != 5 {
		t.Errorf("%d sent, %d bad, %d received", sent, bad, len(to.Messages()))
	}
	entries, err := os.ReadDir(path)
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files are left, %v", len(entries), err)
	}
}

func TestNewRefuses(t *testing.T) {
	occupied := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(occupied, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, layout := range layouts {
		for _, path := range []string{"", filepath.Join(occupied, "x")} {
			var field *envelope.FieldError
			if _, err := layout(path); !errors.As(err, &field) {
				t.Errorf("%s(%q): %v, want a FieldError", name, path, err)
			}
		}
	}
	if _, err := file.Open(filepath.Join(occupied, "x")); err == nil {
		t.Error("a folder that is not there was opened")
	}
}

func TestFilesArePrivate(t *testing.T) {
	for name, layout := range layouts {
		path := filepath.Join(t.TempDir(), "box")
		if _, err := newTransport(t, layout, path).Send(t.Context(), raw(t, "a@b.org", "c@d.org", "x\r\n")); err != nil {
			t.Fatal(err)
		}
		err := filepath.Walk(path, func(p string, info fs.FileInfo, err error) error {
			if err == nil && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s: %s is readable for others: %v", name, p, info.Mode())
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// cut is a mail whose source breaks, or whose context ends, in the middle.
type cut struct {
	transport.Mail
	then func() error
}

func (c cut) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(bytes.Repeat([]byte("half a message\r\n"), 10_000))
	return int64(n), errors.Join(err, c.then())
}

func TestHalfAMessageLeavesNothing(t *testing.T) {
	broken := errors.New("broken")
	for name, layout := range layouts {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "box")
			tr := newTransport(t, layout, path)
			if _, err := tr.Send(t.Context(), raw(t, "a@b.org", "c@d.org", "whole\r\n")); err != nil {
				t.Fatal(err)
			}
			_, err := tr.Send(t.Context(), cut{raw(t, "a@b.org", "c@d.org", ""), func() error { return broken }})
			if !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			_, err = tr.Send(ctx, cut{raw(t, "a@b.org", "c@d.org", ""), func() error { cancel(broken); return nil }})
			if !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
			if _, err := tr.Send(t.Context(), raw(t, "a@b.org", "c@d.org", "whole too\r\n")); err != nil {
				t.Fatal(err)
			}
			if all := stored(t, path); len(all) != 2 || string(octets(t, all[1])) != "whole too\r\n" {
				t.Errorf("%d messages", len(all))
			}
		})
	}
}
