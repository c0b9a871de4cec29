package mailtest_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/message"
)

// recorder is a testing.TB whose failures are what is tested.
type recorder struct {
	testing.TB
	text strings.Builder
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) { fmt.Fprintf(&r.text, format+"\n", args...) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(r)
}

func (r *recorder) Fatal(args ...any) { r.Fatalf("%s", fmt.Sprint(args...)) }

// failures runs check and returns what it reports, with "fatal: " before it if it ended the test.
func failures(t *testing.T, check func(testing.TB)) (text string) {
	t.Helper()
	r := &recorder{TB: t}
	defer func() {
		switch e := recover(); e {
		case nil:
			text = r.text.String()
		case r:
			text = "fatal: " + r.text.String()
		default:
			panic(e)
		}
	}()
	check(r)
	return r.text.String()
}

func welcome(t *testing.T) *mailtest.Mail {
	t.Helper()
	mail, err := message.New().
		From("Zoë <zoe@example.org>").To("Hei <hei@example.org>").Cc("cc@example.org").Bcc("bcc@example.org").
		Subject("Grüße — 新年快乐").Header("X-Campaign", "one").Header("X-Campaign", "two").
		Text("Happy new\nyear, 2 > 1!\n").
		HTML(`<html><head><title>no title</title><style>p { x: "no style" }</style></head><body><!-- no comment -->`+
			`<p>Happy <b>new</b>&nbsp;ye<i>ar</i>,`+"\n"+`2 &gt; 1!</p><p>Second</p>third<script>"no script"</script></body></html>`).
		UncheckedInline().Inline("logo@1", message.FileBytes("logo.png", []byte("\x89PNG\r\n\x1a\n"))).
		Attach(message.FileBytes("Plan für 2027.pdf", []byte("%PDF-1.4")), message.FileBytes("latin.txt", []byte("na\xefve\r\n")).WithType("text/plain; charset=iso-8859-1")).
		Build()
	if err != nil {
		t.Fatal(err)
	}
	inbox := mailtest.New()
	send(t, inbox, mail)
	return inbox.Mails()[0]
}

// TestMatches asks each question twice: once where the answer is yes, and once where it is "no" and the
// answer says what is there instead.
func TestMatches(t *testing.T) {
	cases := map[string]struct {
		yes, no mailtest.Match
		fault   string // of no, as a regular expression
	}{
		"to":       {mailtest.SentTo("hei@EXAMPLE.org"), mailtest.SentTo("no@example.org"), `^not sent to no@example.org$`},
		"cc":       {mailtest.SentTo("cc@example.org"), mailtest.SentTo("Cc@example.org"), `^not sent`},
		"bcc":      {mailtest.SentTo("bcc@example.org"), mailtest.SentTo("not an address"), `not an address`},
		"from":     {mailtest.SentFrom("zoe@example.org"), mailtest.SentFrom(""), `^sent from <zoe@example.org>$`},
		"subject":  {mailtest.Subject("Grüße — 新年快乐"), mailtest.Subject("Grüße"), `^Subject is \["Grüße — 新年快乐"\]$`},
		"header":   {mailtest.Header("x-campaign", "two"), mailtest.Header("X-Campaign", "three"), `^X-Campaign is \["one" "two"\]$`},
		"none":     {mailtest.Header("MIME-version", "1.0"), mailtest.Header("X-Nothing", ""), `^no X-Nothing$`},
		"text":     {mailtest.SeesInText("Happy new year,  2 > 1!"), mailtest.SeesInText("old"), `^text shows "Happy new year, 2 > 1!"$`},
		"html":     {mailtest.SeesInHTML("Happy new year, 2 > 1! Second third"), mailtest.SeesInHTML("no"), `^HTML shows "Happy new year, 2 > 1! Second third"$`},
		"attached": {mailtest.HasAttachment("Plan für 2027.pdf"), mailtest.HasAttachment("logo.png"), `^has the attachments \["Plan für 2027.pdf" "latin.txt"\]$`},
		"data": {
			mailtest.HasAttachmentData("latin.txt", []byte("na\xefve\r\n")),
			mailtest.HasAttachmentData("latin.txt", []byte("naïve\r\n")), `^attachment "latin.txt" has other content, of 7 octets$`,
		},
		"no data":  {mailtest.Match{}, mailtest.HasAttachmentData("other", nil), `^has the attachments`},
		"inline":   {mailtest.HasInline("logo@1"), mailtest.HasInline("<logo>"), `^has the inline parts \["logo@1"\]$`},
		"bracket":  {mailtest.HasInline("<logo@1>"), mailtest.HasInline(""), `^has the inline`},
		"all":      {mailtest.All(), mailtest.All(mailtest.SentTo("x@y.z"), mailtest.Subject("s")), `^not sent to x@y.z; Subject is`},
		"any":      {mailtest.Any(mailtest.Subject("no"), mailtest.SentTo("hei@example.org")), mailtest.Any(mailtest.Subject("no")), `^neither: Subject is`},
		"not":      {mailtest.Not(mailtest.Subject("no")), mailtest.Not(mailtest.SentTo("hei@example.org")), `^sent to hei@example.org$`},
		"nothing":  {mailtest.Not(mailtest.Any()), mailtest.Not(mailtest.Match{}), `^anything$`},
		"function": {mailtest.Matching("yes", func(*mailtest.Mail) bool { return true }), mailtest.Matching("pigs fly", func(*mailtest.Mail) bool { return false }), `^not: pigs fly$`},
	}
	mail := welcome(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if fault := tc.yes.Mismatch(mail); fault != "" {
				t.Errorf("%s: %s", tc.yes, fault)
			}
			if fault := tc.no.Mismatch(mail); !regexp.MustCompile(tc.fault).MatchString(fault) {
				t.Errorf("%s: %s", tc.no, fault)
			}
		})
	}
}

func TestAssertions(t *testing.T) {
	inbox := mailtest.New()
	send(t, inbox, raw(t, "1"), raw(t, "1"), raw(t, "2"))
	one, none := mailtest.Subject("1"), mailtest.Subject("3")
	cases := map[string]struct {
		check func(testing.TB)
		want  string // what is reported, as a regular expression
	}{
		"sent":             {func(t testing.TB) { inbox.AssertSent(t, one) }, `^$`},
		"not sent":         {func(t testing.TB) { inbox.AssertSent(t, none) }, `^fatal: no mail where Subject is "3"; the inbox has 3:\n\t1\. "1" to to@example.org: Subject is \["1"\]\n\t2\.`},
		"not at all":       {func(t testing.TB) { mailtest.New().AssertSent(t) }, `^fatal: no mail where anything; the inbox is empty\n$`},
		"never":            {func(t testing.TB) { inbox.AssertNotSent(t, none) }, `^$`},
		"never but":        {func(t testing.TB) { inbox.AssertNotSent(t, one) }, `^2 mails where Subject is "1", want 0; .*\n\t1\. "1" to to@example.org\n`},
		"nothing":          {func(t testing.TB) { mailtest.New().AssertNothingSent(t) }, `^$`},
		"nothing but":      {func(t testing.TB) { inbox.AssertNothingSent(t) }, `^3 mails where anything, want 0`},
		"count":            {func(t testing.TB) { inbox.AssertCount(t, 2, one, mailtest.SentTo("to@example.org")) }, `^$`},
		"another count":    {func(t testing.TB) { inbox.AssertCount(t, 1, one) }, `^2 mails where Subject is "1", want 1`},
		"mail":             {func(t testing.TB) { inbox.Mails()[0].Assert(t, one) }, `^$`},
		"mail, each fault": {func(t testing.TB) { inbox.Mails()[0].Assert(t, none, one, mailtest.SeesInText("x")) }, `^mail "1".*: want Subject is "3".*\nmail "1".*: text shows ""\n$`},
		"awaited in vain": {func(tb testing.TB) {
			synctest.Test(t, func(inner *testing.T) {
				tb.(*recorder).TB = inner
				inbox := mailtest.New()
				tb.Errorf("%s", failures(inner, func(tb testing.TB) { inbox.Await(tb, one) }))
			})
		}, `fatal: .*no mail where Subject is "1": context deadline exceeded; the inbox is empty`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := failures(t, tc.check); !regexp.MustCompile(tc.want).MatchString(got) {
				t.Errorf("reported %q, want %s", got, tc.want)
			}
		})
	}
}
