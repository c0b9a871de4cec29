package eml_test

import (
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/internal/oddmail"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/message/eml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestCorpus reads every odd mail as it is right, and answers it.
func TestCorpus(t *testing.T) {
	names := map[string]bool{}
	corpus := oddmail.Corpus()
	for _, odd := range corpus {
		t.Run(odd.Name, func(t *testing.T) {
			if names[odd.Name] || odd.Why == "" {
				t.Fatal("the name is not unique, or there is no reason")
			}
			names[odd.Name] = true
			m := parse(t, odd.Octets)
			if diff := cmp.Diff(odd.Want, readOdd(t, m), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (-right +read):\n%s\n%.800q", odd.Why, diff, odd.Octets)
			}
			answer(t, []byte(odd.Octets))
		})
	}
	if len(corpus) < 300 {
		t.Errorf("%d mails", len(corpus))
	}
}

// readOdd reads what the corpus is about.
func readOdd(t *testing.T, m *eml.Message) oddmail.Want {
	t.Helper()
	content, err := m.Content()
	if err != nil {
		t.Fatal(err)
	}
	w := oddmail.Want{Subject: m.Subject(), Text: content.Text, HTML: content.HTML}
	var to []string
	for _, r := range m.Envelope().Recipients() {
		to = append(to, r.Address.String())
	}
	w.To = strings.Join(to, " ")
	if date := m.Date(); !date.IsZero() {
		w.Date = date.UTC().Format(time.RFC3339)
	}
	w.IDs = strings.TrimSpace(m.MessageID() + " " + strings.Join(m.References(), " "))
	for _, part := range content.Attachments {
		w.Files = append(w.Files, oddFile(t, part))
	}
	return w
}

// oddFile returns a part as a file: what a reader finds when it is attached to another message.
func oddFile(t *testing.T, part message.Part) oddmail.File {
	t.Helper()
	f := oddmail.File{Name: part.Name(), Type: part.Type()}
	m := octets(t, build(t, message.New().From("a@x.example").To("b@x.example").Text("x").Attach(part.Attachment())))
	inner := strings.LastIndex(m, "Content-Disposition: attachment")
	_, body, _ := strings.Cut(m[inner:], "\r\n\r\n")
	body, _, _ = strings.Cut(body, "\r\n--=_")
	if f.Type == "" {
		f.Type, f.Data = "message/rfc822", strings.TrimSuffix(body, "\r\n")
		return f
	}
	decoded, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, strings.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	f.Data = string(decoded)
	return f
}
