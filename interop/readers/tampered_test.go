package readers

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/dkim"
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// everything has each field that is signed when it is there, and one of them twice.
var everything = []string{
	"From: Alice <a@example.org>", "Sender: a@example.org", "Reply-To: r@example.org", "To: b@example.net", "Cc: c@example.net", "Cc: d@example.net",
	"Subject: one\r\n two", "Date: Wed, 4 Mar 2026 05:06:07 +0000", "Message-ID: <1@example.org>", "In-Reply-To: <0@example.org>",
	"References: <0@example.org>", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 7bit",
	"Content-Disposition: inline", "Content-ID: <c@example.org>", "Content-Description: d", "Content-Language: en", "List-ID: <l.example.org>",
	"List-Help: <https://example.org/h>", "List-Unsubscribe: <https://example.org/u>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
	"List-Subscribe: <https://example.org/s>", "List-Post: NO", "List-Owner: <mailto:o@example.org>", "List-Archive: <https://example.org/a>",
	"Feedback-ID: 1:2:3:4", "Auto-Submitted: auto-generated", "Disposition-Notification-To: a@example.org",
	"Autocrypt: addr=a@example.org; keydata=AAAA", "OpenPGP: id=1",
}

// TestTampered: no verifier accepts a signature once a signed field was changed, removed, or added once more before or
// after the others, or the body was changed; all accept it while nothing was.
func TestTampered(t *testing.T) {
	const text = "Be happy!\r\n\r\n Zoe\r\n"
	for _, form := range []dkim.Canonicalization{dkim.Relaxed, dkim.Simple} {
		t.Run(form.String(), func(t *testing.T) {
			signer, records := signing(t, form, form)
			v := newVerifiers(t, records)
			to, err := envelope.New(mailbox(t, "", "a@example.org").Address, mailbox(t, "", "b@example.net").Address)
			if err != nil {
				t.Fatal(err)
			}
			plain := strings.Join(everything, "\r\n") + "\r\n\r\n" + text
			signed, err := signer.Sign(t.Context(), transport.Raw(to, []byte(plain)))
			if err != nil {
				t.Fatal(err)
			}
			var whole strings.Builder
			if _, err := signed.WriteTo(&whole); err != nil {
				t.Fatal(err)
			}
			signatures := strings.TrimSuffix(whole.String(), plain)
			write := func(name string, fields []string, text string) string {
				path := filepath.Join(v.folder, name)
				content := signatures + strings.Join(fields, "\r\n") + "\r\n\r\n" + text
				if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
				return path
			}
			good := []string{write("good", everything, text)}
			bad := []string{write("body", everything, strings.Replace(text, "happy", "hippy", 1)), write("more", everything, text+"x\r\n")}
			for i, f := range everything {
				name, value, _ := strings.Cut(f, ":")
				other := name + ": x" + value
				for how, fields := range map[string][]string{
					"changed": slices.Replace(slices.Clone(everything), i, i+1, other),
					"removed": slices.Delete(slices.Clone(everything), i, i+1),
					"before":  slices.Insert(slices.Clone(everything), 0, other),
					"after":   append(slices.Clone(everything), other),
					"doubled": slices.Insert(slices.Clone(everything), i, f),
				} {
					bad = append(bad, write(fmt.Sprintf("%d-%s-%s", i, name, how), fields, text))
				}
			}
			for name, answers := range v.check(t, good) {
				complain(t, name, good, answers, true)
			}
			for name, answers := range v.check(t, bad) {
				complain(t, name, bad, answers, false)
			}
			t.Logf("%d messages that were changed", len(bad))
		})
	}
}
