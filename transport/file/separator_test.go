package file_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/file"
)

// readMbox returns the subjects of the messages of an mbox file, with how many lines their bodies have.
func readMbox(t *testing.T, content string) (subjects []string, bodies []int, err error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mbox")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	box, err := file.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for stored, err := range box.All() {
		if err != nil {
			return subjects, bodies, err
		}
		var b strings.Builder
		if _, err := stored.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		head, body, _ := strings.Cut(b.String(), "\r\n\r\n")
		_, subject, _ := strings.Cut(head, "Subject: ")
		subject, _, _ = strings.Cut(subject, "\r\n")
		subjects, bodies = append(subjects, subject), append(bodies, strings.Count(body, "\n"))
	}
	return subjects, bodies, nil
}

// TestSeparators reads files of other programs: each message whole, and no file of which that is not certain.
func TestSeparators(t *testing.T) {
	const first = "From a@x.example Thu Nov 28 18:47:15 2026\nFrom: a@x.example\nTo: b@x.example\nSubject: 1\n\none\n"
	const fields = "From: a@x.example\nTo: b@x.example\nSubject: 2\n\ntwo\n"
	for name, tc := range map[string]struct {
		between string // the first message and the second
		want    string // the subjects; "" when the file is refused
	}{
		"an address":                {"\nFrom c@x.example Fri Nov  6 08:00:00 2026\n" + fields, "1 2"},
		"a bare name":               {"\nFrom MAILER-DAEMON Fri Nov  6 08:00:00 2026\n" + fields, "1 2"},
		"Thunderbird":               {"\nFrom - Fri Nov  6 08:00:00 2026\n" + fields, "1 2"},
		"an offset":                 {"\nFrom c@x.example Fri Nov  6 08:00:00 2026 +0100\n" + fields, "1 2"},
		"an offset before the year": {"\nFrom c@x.example Fri Nov  6 08:00:00 +0100 2026\n" + fields, "1 2"},
		"a zone":                    {"\nFrom c@x.example Fri Nov  6 08:00:00 CET 2026\n" + fields, "1 2"},
		"no seconds":                {"\nFrom c@x.example Fri Nov  6 08:00 2026\n" + fields, "1 2"},
		"a quoted local part":       {"\nFrom \"c d\"@x.example Fri Nov  6 08:00:00 2026\n" + fields, "1 2"},
		"UUCP":                      {"\nFrom c Fri Nov  6 08:00:00 2026 remote from host\n" + fields, "1 2"},
		"CRLF":                      {"\r\nFrom c@x.example Fri Nov  6 08:00:00 2026\r\n" + strings.ReplaceAll(fields, "\n", "\r\n"), "1 2"},
		"text":                      {"\nFrom now on we meet on Fridays.\nBe there.\n", "1"},
		"text in a paragraph":       {"I come\nFrom Berlin at 8.\n", "1"},
		"text like a separator":     {"as in\nFrom c@x.example Fri Nov  6 08:00:00 2026\nand so on\n", "1"},
		"a separator in a text":     {"\nFrom c@x.example Fri Nov  6 08:00:00 2026\nis how a message begins.\n", ""},
		"an unknown separator":      {"\nFrom c@x.example 2026-11-06T08:00:00Z\n" + fields, ""},
		"no empty line before it":   {"From c@x.example Fri Nov  6 08:00:00 2026\n" + fields, ""},
		"a separator at the end":    {"\nFrom c@x.example Fri Nov  6 08:00:00 2026\n", ""},
		"quoted":                    {"\n>From c@x.example Fri Nov  6 08:00:00 2026\nSubject: 2\n", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			subjects, bodies, err := readMbox(t, first+tc.between)
			if tc.want == "" {
				var unsure *file.UnsureError
				if !errors.As(err, &unsure) || len(subjects) > 0 || !strings.HasPrefix(unsure.Line, "From ") || unsure.Offset < int64(len(first)) {
					t.Errorf("%v, %v; want the file refused", subjects, err)
				}
				return
			}
			if err != nil || strings.Join(subjects, " ") != tc.want {
				t.Fatalf("subjects %v, %v; want %s", subjects, err, tc.want)
			}
			if tc.want == "1" && bodies[0] != 1+strings.Count(tc.between, "\n") {
				t.Errorf("%d lines of text, want %d", bodies[0], 1+strings.Count(tc.between, "\n"))
			}
		})
	}
}
