package mailtest_test

import (
	"regexp"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/transport"
	"github.com/google/go-cmp/cmp"
)

// TestMatchThatCannotBeAsked: a match whose address does not parse would pass AssertNotSent, whatever was sent.
func TestMatchThatCannotBeAsked(t *testing.T) {
	inbox := mailtest.New()
	send(t, inbox, raw(t, "1"))
	bad := map[string]mailtest.Match{
		"SentTo":   mailtest.SentTo("Name <to@example.org>"),
		"SentFrom": mailtest.SentFrom("from"),
		"Not":      mailtest.Not(mailtest.SentTo("x")),
		"All":      mailtest.All(mailtest.Subject("1"), mailtest.SentTo("x")),
		"Any":      mailtest.Any(mailtest.Subject("1"), mailtest.SentTo("x")),
	}
	for name, match := range bad {
		t.Run(name, func(t *testing.T) {
			for way, check := range map[string]func(testing.TB){
				"AssertSent":    func(t testing.TB) { inbox.AssertSent(t, match) },
				"AssertNotSent": func(t testing.TB) { inbox.AssertNotSent(t, match) },
				"AssertCount":   func(t testing.TB) { inbox.AssertCount(t, 0, match) },
				"Await":         func(t testing.TB) { inbox.Await(t, match) },
				"Assert":        func(t testing.TB) { inbox.Mails()[0].Assert(t, match) },
			} {
				if got := failures(t, check); !regexp.MustCompile(`address "`).MatchString(got) {
					t.Errorf("%s reports %q", way, got)
				}
			}
			if match.Err() == nil || match.Mismatch(inbox.Mails()[0]) == "" {
				t.Errorf("Err %v", match.Err())
			}
			if _, err := inbox.WaitFor(t.Context(), match); err == nil {
				t.Error("waited for what can't come")
			}
		})
	}
}

// kept sends octets to an inbox and returns what it kept.
func kept(t *testing.T, content string) *mailtest.Mail {
	t.Helper()
	a, err := envelope.ParseAddress("a@example.org")
	if err != nil {
		t.Fatal(err)
	}
	env, err := envelope.New(a, a)
	if err != nil {
		t.Fatal(err)
	}
	inbox := mailtest.New()
	if _, err := inbox.Send(t.Context(), transport.Raw(env, []byte(content))); err != nil {
		t.Fatal(err)
	}
	return inbox.Mails()[0]
}

func TestLinks(t *testing.T) {
	for name, tc := range map[string]struct {
		content string
		want    []string
	}{
		"HTML":     {lines("Content-Type: text/html", "", `<a href="https://example.org/?a&amp;b">x</a><a href="#top">t</a><area href=mailto:a@example.org><a href="https://example.org/?a&b">again</a>`), []string{"https://example.org/?a&b", "mailto:a@example.org"}},
		"text":     {lines("", "See https://example.org/a, (http://example.org/b) and <https://example.org/c>.", "https://example.org/d_(e)", "no link"), []string{"https://example.org/a", "http://example.org/b", "https://example.org/c", "https://example.org/d_(e)"}},
		"no links": {lines("", "x"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, mailtest.Parse([]byte(tc.content)).Links()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMatchesOfExpressions(t *testing.T) {
	mail := kept(t, lines("Subject: Order 4711", "Content-Type: multipart/alternative; boundary=b", "", "--b", "", "Your code is 123456.", "--b", "Content-Type: text/html", "", "<p>Your <b>code</b> is 123456.</p>", "--b--"))
	for expression, want := range map[string]bool{`^Order \d+$`: true, `^\d+$`: false} {
		if got := mailtest.HeaderMatches("subject", regexp.MustCompile(expression)).Mismatch(mail) == ""; got != want {
			t.Errorf("Subject and %s: %v", expression, got)
		}
	}
	for expression, want := range map[string]bool{`code is \d{6}\.`: true, `<b>`: false} {
		for name, match := range map[string]mailtest.Match{"text": mailtest.TextMatches(regexp.MustCompile(expression)), "HTML": mailtest.HTMLMatches(regexp.MustCompile(expression))} {
			if got := match.Mismatch(mail) == ""; got != want {
				t.Errorf("%s and %s: %v", name, expression, got)
			}
		}
	}
}

func TestShowsItsParts(t *testing.T) {
	const head = "Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n"
	const logo = "\r\n--b\r\nContent-Type: image/png\r\nContent-ID: <logo@1>\r\n\r\nx\r\n--b--\r\n"
	const located = "\r\n--b\r\nContent-Type: image/png\r\nContent-Location: a.png\r\n\r\nx\r\n--b--\r\n"
	for name, tc := range map[string]struct{ content, want string }{
		"src":                {head + `<img src="cid:logo@1">` + logo, ""},
		"percent encoding":   {head + `<img src="CID:logo%401">` + logo, ""},
		"srcset":             {head + `<img srcset="cid:logo@1 1x, https://example.org/b 2x">` + logo, ""},
		"style":              {head + `<style>p { background: URL('cid:logo@1') }</style>` + logo, ""},
		"style of a tag":     {head + `<p style="background: url(&quot;cid:logo@1&quot;)">` + logo, ""},
		"location":           {head + `<img src="a.png">` + located, ""},
		"location not shown": {head + `<img src="b.png">` + located, `the inline part "a.png" is not shown`},
		"not shown":          {head + `<p>x</p>` + logo, `the inline part "logo@1" is not shown`},
		"not there":          {head + `<img src="cid:logo@1"><img src="cid:other">` + logo, "no part for cid:other"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := mailtest.ShowsItsParts().Mismatch(kept(t, tc.content)); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}
