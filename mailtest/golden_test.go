package mailtest_test

import (
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite golden files")

// order is a mail as code under test composes it, with everything random that there is.
func order() message.Builder {
	return message.New().
		From("shop@example.org").To("hei@example.org").Subject("Your order").
		Text("Thank you!\n").HTML(`<p>Thank you! <img src="cid:logo"></p>`).
		UncheckedInline().Inline("logo", message.FileBytes("logo.png", []byte("\x89PNG\r\n\x1a\n"))).
		Attach(message.FileBytes("bill.pdf", []byte("%PDF-1.4")))
}

func build(t *testing.T, b message.Builder) *message.Message {
	t.Helper()
	m, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestGolden(t *testing.T) {
	for range 2 {
		mailtest.Golden(t, "testdata/order.eml", build(t, order()))
	}
}

// TestGoldenUpdate writes files as -update does, and looks at what is in them.
func TestGoldenUpdate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "order.eml")
	mail := raw(t, "x")
	missing := failures(t, func(t testing.TB) { mailtest.Golden(t, file, mail) })
	if !*update && !strings.Contains(missing, "does not exist: write it with go test -update") {
		t.Error(missing)
	}
	before := *update
	*update = true
	mailtest.Golden(t, file, build(t, order()))
	*update = before
	mailtest.Golden(t, file, build(t, order()))
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n", "Message-ID: <normal@example.org>\r\n",
		`boundary="boundary-1"`, `boundary="boundary-2"`, `boundary="boundary-3"`, "\r\n--boundary-3--\r\n",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

// TestGoldenDiffers changes one thing at a time.
func TestGoldenDiffers(t *testing.T) {
	before := *update // with it nothing would differ
	*update = false
	t.Cleanup(func() { *update = before })
	text := func(old, replaced string) transport.Mail {
		b, err := build(t, order()).Bytes()
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.ReplaceAll(string(b), old, replaced)
		if changed == string(b) {
			t.Fatalf("%q is not in the mail", old)
		}
		return transport.Raw(env(t, "a@example.org"), []byte(changed))
	}
	cases := map[string]struct {
		mail transport.Mail
		want string // what is reported, as a regular expression
	}{
		"subject":        {build(t, order().Subject("Other")), `-.*"Your order"[\s\S]*\+.*"Other"`},
		"html":           {build(t, order().HTML("<p>No</p>")), `\+.*<p>No</p>`},
		"attachment":     {build(t, order().Attach(message.FileBytes("more.pdf", nil))), `\+.*"more.pdf"`},
		"domain of ID":   {build(t, order().MessageID("1@localhost")), `-.*normal@example.org[\s\S]*\+.*normal@localhost`},
		"no Date":        {text("Date: ", "X-Date: "), `\+.*"X-Date"`},
		"a text":         {text("Thank you!\r\n", "Thanks!\r\n"), `\+.*Thanks`},
		"its header too": {text("text/plain; charset=us-ascii", "text/plain; charset=utf-8"), `in its encoding only[\s\S]*charset=`},
		"unreadable":     {unreadable{raw(t, "x")}, `fatal: golden testdata/order.eml: unreadable`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := failures(t, func(t testing.TB) { mailtest.Golden(t, "testdata/order.eml", tc.mail) })
			// cmp mixes in spaces that do not break lines, so that no program depends on its exact output.
			got = strings.ReplaceAll(got, "\u00a0", " ")
			if !regexp.MustCompile(tc.want).MatchString(got) {
				t.Errorf("reported %q, want %s", got, tc.want)
			}
		})
	}
}

func TestDiff(t *testing.T) {
	view := func() *mailtest.View {
		b, err := build(t, order()).Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return mailtest.Parse(b)
	}
	one, two := view(), view()
	if cmp.Diff(one, two) == "" {
		t.Fatal("nothing was random")
	}
	if diff := mailtest.Diff(one, two); diff != "" {
		t.Error(diff)
	}
	two.Attachments[0].Data[0] = '!'
	if mailtest.Diff(one, two) == "" {
		t.Error("another attachment was not seen")
	}
}

// FuzzGolden writes any message as a golden file and compares it with itself.
func FuzzGolden(f *testing.F) {
	f.Add([]byte(lines("Content-Type: multipart/mixed; boundary=boundary-2", "", "--boundary-2",
		"Content-Type: multipart/mixed; boundary=boundary-1", "", "--boundary-1", "", "x", "--boundary-1--", "--boundary-2--")))
	f.Add([]byte(lines("Date:", "message-id: a", " b", "Content-Type: multipart/x; boundary=\"a--\"", "", "--a--", "--a----")))
	file := filepath.Join(f.TempDir(), "x.eml")
	f.Fuzz(func(t *testing.T, data []byte) {
		mail := transport.Raw(env(t, "a@example.org"), data)
		before := *update
		*update = true
		mailtest.Golden(t, file, mail)
		*update = before
		mailtest.Golden(t, file, mail)
	})
}

// unreadable fails while it is written.
type unreadable struct{ transport.Mail }

func (unreadable) WriteTo(io.Writer) (int64, error) { return 0, errors.New("unreadable") }
