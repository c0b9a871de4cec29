package folder_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/cmd/depeche/internal/folder"
	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/file"
	"github.com/google/go-cmp/cmp"
)

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// shown returns subject and recipients of what is in the inbox.
func shown(inbox *mailtest.Inbox) []string {
	list := []string{}
	for _, m := range inbox.Mails() {
		var to []string
		for _, r := range m.Envelope().Recipients() {
			to = append(to, r.Address.String())
		}
		list = append(list, m.View().Subject()+" to "+strings.Join(to, ","))
	}
	return list
}

// TestFollow shows what comes, changes and goes in a folder of .eml files. What did not change stays the same mail.
func TestFollow(t *testing.T) {
	dir, inbox := t.TempDir(), mailtest.New()
	put(t, dir+"/a.eml", "From: a@example.org\r\nTo: b@example.org\r\nBcc: c@example.org\r\nSubject: one\r\n\r\nx")
	put(t, dir+"/notes.md", "no mail")
	put(t, dir+"/deep/b.eml", "Subject: not here\r\n\r\n")
	f, err := folder.Open(dir, inbox)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"one to b@example.org,c@example.org"}, shown(inbox)); diff != "" {
		t.Fatal(diff)
	}
	id := inbox.Mails()[0].ID()
	put(t, dir+"/b.eml", "Subject: two\r\n\r\nx")
	if changed, err := f.Look(); !changed || err != nil {
		t.Error(changed, err)
	}
	if _, ok := inbox.Get(id); !ok || len(inbox.Mails()) != 2 {
		t.Error(shown(inbox))
	}
	put(t, dir+"/b.eml", "Subject: two, changed\r\n\r\nx")
	if err := os.Remove(dir + "/a.eml"); err != nil {
		t.Fatal(err)
	}
	if changed, err := f.Look(); !changed || err != nil {
		t.Error(changed, err)
	}
	if diff := cmp.Diff([]string{"two, changed to "}, shown(inbox)); diff != "" {
		t.Error(diff)
	}
	if changed, err := f.Look(); changed || err != nil {
		t.Error("nothing has changed", changed, err)
	}
}

// TestKinds reads each kind of place that file writes.
func TestKinds(t *testing.T) {
	mail, err := message.New().From("a@example.org").To("b@example.org").Subject("hello").Text("x").Build()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, open := range map[string]func(string) (*file.Transport, error){"eml": file.New, "maildir": file.Maildir, "mbox": file.Mbox} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			to, err := open(path)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := to.Send(t.Context(), transport.Mail(mail)); err != nil {
				t.Fatal(err)
			}
			inbox := mailtest.New()
			if _, err := folder.Open(path, inbox); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"hello to b@example.org"}, shown(inbox)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := folder.Open(filepath.Join(dir, "none"), mailtest.New()); err == nil {
		t.Error("a folder that does not exist was opened")
	}
}

// TestTemplates fills templates with sample data, and shows what is wrong in place of the mail.
func TestTemplates(t *testing.T) {
	dir, inbox := t.TempDir(), mailtest.New()
	put(t, dir+"/welcome.subject", "Welcome, {{.name}}")
	put(t, dir+"/welcome.html", "<p>Hi {{.name}}</p>")
	put(t, dir+"/welcome.json", `{"name": "Hei"}`)
	put(t, dir+"/bare.txt", "no data")
	f, err := folder.Open(dir, inbox)
	if err != nil {
		t.Fatal(err)
	}
	look := func() map[string]string {
		texts := map[string]string{}
		for _, m := range inbox.Mails() {
			texts[m.View().Subject()] = m.View().Text + m.View().HTML
		}
		return texts
	}
	if got := look(); !strings.Contains(got["Welcome, Hei"], "Hi Hei") || !strings.HasPrefix(got["bare"], "no data") || len(got) != 2 {
		t.Error(got)
	}
	for text, want := range map[string]string{`{"name": `: "unexpected EOF", `{"nom": "Hei"}`: `map has no entry for key "name"`} {
		put(t, dir+"/welcome.json", text)
		if _, err := f.Look(); err != nil {
			t.Error(err)
		}
		if got := look(); !strings.Contains(got["welcome cannot be shown"], want) {
			t.Errorf("%s: %v", text, got)
		}
	}
	put(t, dir+"/welcome.json", `{"name": "Hei"}`)
	put(t, dir+"/welcome.html", "{{")
	if _, err := f.Look(); err != nil {
		t.Error(err)
	}
	if got := look(); !strings.Contains(got["welcome cannot be shown"], "welcome.html:1") {
		t.Error(got)
	}
}

// TestIDs are not made of names that another web site could guess.
func TestIDs(t *testing.T) {
	dir := t.TempDir()
	put(t, dir+"/a.eml", "Subject: one\r\n\r\nx")
	one, two := mailtest.New(), mailtest.New()
	for _, inbox := range []*mailtest.Inbox{one, two} {
		if _, err := folder.Open(dir, inbox); err != nil {
			t.Fatal(err)
		}
	}
	if one.Mails()[0].ID() == two.Mails()[0].ID() {
		t.Error("two processes have the same ID")
	}
}
