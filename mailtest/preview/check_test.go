package preview_test

import (
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/mailtest/preview"
	"github.com/google/go-cmp/cmp"
)

const goodHeader = "From: a@example.org\nDate: Sat, 28 Nov 2026 12:00:00 +0000\nMessage-ID: <1@example.org>\nSubject: x\n"

// htmlMail is a mail with text and HTML, and perhaps an image with the Content-ID "logo".
func htmlMail(html string, hasLogo bool) string {
	text := goodHeader + "Content-Type: multipart/related; boundary=r\n\n--r\nContent-Type: multipart/alternative; boundary=a\n\n" +
		"--a\n\ntext\n--a\nContent-Type: text/html; charset=utf-8\n\n" + html + "\n--a--\n"
	if hasLogo {
		text += "--r\nContent-ID: <logo@1>\nContent-Type: image/png\n\nx\n"
	}
	return text + "--r--\n"
}

func TestCheck(t *testing.T) {
	cases := map[string]struct {
		mail string
		want []string // codes
	}{
		"good text":               {goodHeader + "\nhello", nil},
		"good HTML":               {htmlMail(`<p>Hi <img src="cid:logo@1" alt=""></p>`, true), nil},
		"in a style":              {htmlMail(`<style>p { background: url(CID:logo%401) }</style><p>Hi`, true), nil},
		"in an attribute":         {htmlMail(`<p style="background: url('cid:logo@1')">Hi`, true), nil},
		"as a background":         {htmlMail(`<body background=" cid:logo@1">Hi`, true), nil},
		"nothing at all":          {"\n", []string{"missing-from", "missing-date", "missing-message-id", "missing-subject", "empty"}},
		"two subjects":            {goodHeader + "Subject: y\n\nhello", []string{"repeated-subject"}},
		"visible Bcc":             {goodHeader + "Bcc: secret@example.org\n\nhello", []string{"visible-bcc"}},
		"HTML alone":              {goodHeader + "Content-Type: text/html\n\n<p>x</p>", []string{"missing-text"}},
		"white text":              {goodHeader + "\n \n\n", []string{"empty"}},
		"a file alone":            {goodHeader + "Content-Type: application/pdf\nContent-Disposition: attachment; filename=x.pdf\n\nx", nil},
		"dangling":                {htmlMail(`<img src="cid:other" alt="x">`, false), []string{"dangling-cid"}},
		"dangling style":          {htmlMail(`<p style="background: url(cid:other)">`, false), []string{"dangling-cid"}},
		"unused":                  {htmlMail(`<p>Hi</p>`, true), []string{"unused-inline"}},
		"no alt":                  {htmlMail(`<img src="cid:logo@1"><IMG SRC="cid:logo@1">`, true), []string{"missing-alt"}},
		"from elsewhere":          {htmlMail(`<img alt="" src="https://example.net/x.png"><img alt="" src="//example.net/y">`, false), []string{"remote-image"}},
		"active":                  {htmlMail(`<script>x</script><form></form><form></form>`, false), []string{"active", "active"}},
		"as large as Gmail shows": {htmlMail(strings.Repeat("<b>x\n", 20889)+"12", false), nil},
		"larger than that":        {htmlMail(strings.Repeat("<b>x\n", 20889)+"1234", false), []string{"clipped"}},
		"unsubscribe, signed": {
			goodHeader + "List-Unsubscribe: <https://x>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n" +
				"DKIM-Signature: v=1; d=example.org; h=From : list-unsubscribe:\n List-Unsubscribe-Post; b=x\n\nhello", nil,
		},
		"unsubscribe, signed in part": {
			goodHeader + "List-Unsubscribe: <https://x>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n" +
				"DKIM-Signature: v=1; h=From:List-Unsubscribe; b=x\n\nhello", []string{"unsubscribe-unsigned"},
		},
		"unsubscribe, not signed": {
			goodHeader + "List-Unsubscribe: <mailto:x@example.org>\n\nhello", []string{"unsubscribe-post", "unsubscribe-unsigned"},
		},
		"broken":    {goodHeader + "Content-Type: multipart/mixed; boundary=m\n\n--m\n\nhello\n", []string{"unreadable"}},
		"long line": {goodHeader + "\n" + strings.Repeat("x", 999) + "\n" + strings.Repeat("x", 998), []string{"long-line"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := open(t, raw(t, tc.mail))
			var codes []string
			for _, finding := range preview.Check(s.mail) {
				codes = append(codes, finding.Code)
				if finding.Text == "" {
					t.Errorf("%s says nothing", finding.Code)
				}
			}
			if diff := cmp.Diff(tc.want, codes); diff != "" {
				t.Errorf("%s\n%v", diff, preview.Check(s.mail))
			}
		})
	}
}

// TestCheckLines finds a line end that SMTP does not allow.
func TestCheckLines(t *testing.T) {
	mail := mailtest.NewMail("x", raw(t, "").Envelope(), strings.ReplaceAll(goodHeader, "\n", "\r\n")+"\r\nhello\nthere\r\n", momentZero)
	if got := preview.Check(mail); len(got) != 1 || got[0].Code != "bare-newline" || !strings.HasPrefix(got[0].Text, "1 line end ") {
		t.Error(got)
	}
}
