package message_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
	"github.com/google/go-cmp/cmp"
)

var good0 = time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC)

func good() message.Builder {
	return fixed(message.New()).From("a@example.org").To("b@example.org").Text("x")
}

// extra returns the header fields that good does not have, with the line ends of the terminal.
func extra(t *testing.T, b message.Builder) string {
	t.Helper()
	header, _, _ := strings.Cut(string(octets(t, build(t, b))), "\r\n\r\n")
	usual, _, _ := strings.Cut(string(octets(t, build(t, good()))), "\r\n\r\n")
	var out []string
	for line := range strings.SplitSeq(header, "\r\n") {
		if !strings.Contains(usual, line) {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

func TestFields(t *testing.T) {
	box := func(s string) message.Mailbox {
		m, err := message.ParseMailbox(s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	cases := map[string]struct {
		b    message.Builder
		want string
	}{
		"Comments":     {good().Comments("ein Wört"), "Comments: ein =?utf-8?b?V8O2cnQ=?="},
		"Keywords":     {good().Keywords("one", "two words", "drei, vier", "fünf"), `Keywords: one, two words, "drei, vier", =?utf-8?b?ZsO8bmY=?=`},
		"User-Agent":   {good().UserAgent("shop/1.0 (cart)"), "User-Agent: shop/1.0 (cart)"},
		"Auto":         {good().AutoSubmitted("auto-replied").Precedence("bulk"), "Auto-Submitted: auto-replied\nPrecedence: bulk"},
		"Importance":   {good().Importance("high").Priority("urgent"), "Importance: high\nPriority: urgent"},
		"MDN":          {good().DispositionNotificationTo(box("Zoë <z@example.org>"), box("y@example.org")), "Disposition-Notification-To: =?utf-8?q?Zo=C3=AB?= <z@example.org>,\n y@example.org"},
		"List-Id":      {good().List(message.ListHeaders{Name: "Die Löwen", ID: "l.example.org"}), "List-Id: =?utf-8?q?Die_L=C3=B6wen?= <l.example.org>"},
		"List-Id bare": {good().List(message.ListHeaders{ID: "l.example.org"}), "List-Id: <l.example.org>"},
		"List fields": {
			good().List(message.ListHeaders{
				Post: []string{"mailto:l@example.org"}, Help: []string{"https://example.org/help"}, Subscribe: []string{"mailto:l-join@example.org"},
				Owner: []string{"mailto:o@example.org"}, Archive: []string{"https://example.org/a"}, Unsubscribe: []string{"mailto:x@example.org"},
			}).ArchivedAt("https://example.org/a/1"),
			"List-Unsubscribe: <mailto:x@example.org>\nList-Subscribe: <mailto:l-join@example.org>\nList-Post: <mailto:l@example.org>\nList-Help: <https://example.org/help>\n" +
				"List-Owner: <mailto:o@example.org>\nList-Archive: <https://example.org/a>\nArchived-At: <https://example.org/a/1>",
		},
		"no posting":     {good().List(message.ListHeaders{NoPost: true}), "List-Post: NO"},
		"In-Reply-To":    {good().InReplyToID("1@example.org", "<2@example.org>", "1@example.org"), "In-Reply-To: <1@example.org> <2@example.org>"},
		"References":     {good().References("<1@example.org>").References("2@example.org"), "References: <1@example.org> <2@example.org>"},
		"case and order": {good().Header("x-lower", "1").Header("X-UPPER", "2").Header("x-lower", "3"), "x-lower: 1\nX-UPPER: 2\nx-lower: 3"},
		"empty":          {good().Header("X-Empty", ""), "X-Empty:"},
		"raw":            {good().RawHeader("X-Raw", "a=?utf-8?q?b?= c"), "X-Raw: a=?utf-8?q?b?= c"},
		"long value":     {good().Header("X-Long", strings.Repeat("word ", 30)+"end"), "X-Long: word word word word word word word word word word word word word word\n word word word word word word word word word word word word word word word\n word end"},
		"long URL":       {good().List(message.ListHeaders{Unsubscribe: []string{"https://example.org/" + strings.Repeat("x", 300)}}), "List-Unsubscribe: <https://example.org/" + strings.Repeat("x", 300) + ">"},
		"Sender":         {good().Sender("s@example.org"), "Sender: s@example.org"},
		"same Sender":    {good().Sender("a@example.org"), ""},
		"group":          {good().CcList(list("Friends: c@example.org, D <d@example.org>;, e@example.org")), "Cc: Friends : c@example.org, D <d@example.org> ;, e@example.org"},
		"empty group":    {good().CcList(list("Empty:;")), "Cc: Empty : ;"},
		"Bcc":            {good().Bcc("c@example.org"), ""},
		"kept Bcc":       {good().Bcc("c@example.org").KeepBcc(), "Bcc: c@example.org"},
		"UTF-8":          {good().Internationalized().Subject("Grüße =?x?=").Header("X-A", "ü"), "Subject: Grüße =?utf-8?q?=3D=3Fx=3F=3D?=\nX-A: ü"},
		"id domain":      {good().MessageIDDomain("mail.example.net"), "Message-ID: <aaaqeayeaudaocajbifqydiob4@mail.example.net>"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, extra(t, tc.b)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFieldsRefused(t *testing.T) {
	cases := map[string]struct {
		b     message.Builder
		field string
	}{
		"no keywords":          {good().Keywords(), "Keywords"},
		"AutoSubmitted":        {good().AutoSubmitted("yes"), "AutoSubmitted"},
		"Importance":           {good().Importance("HIGH"), "Importance"},
		"one-click by http":    {good().ListUnsubscribeOneClick("http://example.org"), "ListUnsubscribeOneClick"},
		"relative URI":         {good().List(message.ListHeaders{Archive: []string{"/archive"}}), "List.Archive"},
		"URI with comma":       {good().List(message.ListHeaders{Post: []string{"mailto:a@example.org,b@example.org"}}), "List.Post"},
		"post and no post":     {good().List(message.ListHeaders{Post: []string{"mailto:a@example.org"}, NoPost: true}), "List.NoPost"},
		"list id":              {good().List(message.ListHeaders{Name: "x", ID: "nodot"}), "List.ID"},
		"list field in UTF-8":  {good().Header("List-Post", "<mailto:ü@example.org>"), "Header"},
		"references":           {good().References("no id"), "References"},
		"raw UTF-8":            {good().RawHeader("X-A", "ü"), "RawHeader"},
		"raw long word":        {good().RawHeader("X-A", strings.Repeat("x", 999)), "RawHeader"},
		"own field":            {good().RawHeader("Resent-Bcc", "x@example.org"), "RawHeader"},
		"group as From":        {good().From("G: x@example.org;").Sender("s@example.org"), "From[1]"},
		"group as Bcc":         {good().Bcc("G: x@example.org;"), "Bcc"},
		"nameless group":       {good().CcList(message.Mailboxes().WithGroup(message.Group{})), "Cc"},
		"year":                 {good().Date(good0.AddDate(9000, 0, 0)), "Date"},
		"id domain":            {good().MessageIDDomain("a b"), "MessageIDDomain"},
		"domainless mailbox":   {good().ToMailbox(message.Mailbox{Address: envelope.Postmaster()}), "To[1]"},
		"domainless text":      {good().To("<Postmaster>"), "To[1]"},
		"domainless data":      {good().ToMailbox(message.NewMailbox("Post", "<Postmaster>")), "To[1]"},
		"domainless bounces":   {good().BounceTo("<Postmaster>"), "From"},
		"nobody asks for MDN":  {good().DispositionNotificationTo(), "DispositionNotificationTo"},
		"part of nothing":      {good().Attach(message.Part{}), "Attach"},
		"empty multipart":      {good().Attach(message.Mixed()), "Attach"},
		"Body and Text":        {good().Body(message.Plain("x")), "Body"},
		"encoded multipart":    {good().Attach(message.Mixed(message.Plain("a"), message.Plain("b")).Encoding(message.Base64)), "Attach"},
		"encoded message":      {good().Attach(message.AttachedMessage(raw("A: b\r\n\r\n")).Encoding(message.Base64)), "Attach"},
		"message with bare LF": {good().Attach(message.AttachedMessage(raw("A: b\n\n"))), "Attach"},
		"7bit of UTF-8":        {good().TextPart(message.Plain("ü").Encoding(message.SevenBit)), "Text"},
		"7bit of a long line":  {good().TextPart(message.Plain(strings.Repeat("x", 999)).Encoding(message.SevenBit)), "Text"},
		"8bit with NUL":        {good().TextPart(message.Plain("\x00").Encoding(message.EightBit)), "Text"},
		"7bit file, bare LF":   {good().Attach(message.FileBytes("a", []byte("x\ny")).Encoding(message.SevenBit)), "Attach"},
		"calendar method":      {good().Calendar("REQUEST", "BEGIN:VCALENDAR\nMETHOD:CANCEL\nEND:VCALENDAR\n"), "Calendar"},
		"flowed HTML":          {good().Alternative(message.HTML("x").Flowed()), "Alternative"},
		"long reader":          {good().Attach(message.FileReader("a", strings.NewReader("12345"), 4)), "Attach"},
		"boundary":             {good().Attach(message.Mixed(message.Plain("a"), message.Plain("b")).Param("boundary", "x")), "Attach"},
		"second attachment":    {good().Attach(message.FileBytes("a", nil), message.FileBytes("b", nil).WithType("nonsense")), "Attach[1]"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := tc.b.Build()
			var field *message.FieldError
			if !errors.As(err, &field) {
				t.Fatalf("got %v, want a FieldError", err)
			}
			got := field.Field
			if field.Index > 0 {
				got = fmt.Sprintf("%s[%d]", got, field.Index)
			}
			if got != tc.field {
				t.Errorf("field %s, want %s: %v", got, tc.field, err)
			}
		})
	}
}

func TestAddressLists(t *testing.T) {
	cases := map[string]string{ // read, and how it prints
		"a@b.org, c@d.org":                               "a@b.org, c@d.org",
		" , a@b.org ,, c@d.org ,":                        "a@b.org, c@d.org",
		"Name <a@b.org>":                                 "Name <a@b.org>",
		`"Doe, J." <a@b.org>`:                            `"Doe, J." <a@b.org>`,
		"J. R. Doe <a@b.org>":                            `"J. R. Doe" <a@b.org>`,
		`"q\"q" word <a@b.org>`:                          `"q\"q word" <a@b.org>`,
		"(c1) Na(c2)me (c3 (nested \\) )) <a@b.org> (d)": "Na me <a@b.org>",
		"a . (x) b @ c . (y) org":                        "a.b@c.org",
		`"a b"@c.org`:                                    `"a b"@c.org`,
		"a@[192.0.2.1], <b@[IPv6:2001:db8::1]>":          "a@[192.0.2.1], b@[IPv6:2001:db8::1]",
		"Friends: a@b.org, X <c@d.org>;, e@f.org":        "Friends: a@b.org, X <c@d.org>;, e@f.org",
		"Empty:;":                 "Empty: ;",
		"ü@bücher.example":        "ü@xn--bcher-kva.example",
		"=?utf-8?q?x?= <a@b.org>": "=?utf-8?q?x?= <a@b.org>",
	}
	for in, want := range cases {
		l, err := message.ParseAddressList(in)
		if err != nil || l.String() != want {
			t.Errorf("%q: %q, %v; want %q", in, l.String(), err, want)
		}
	}
	for _, in := range []string{"a", "a@", "@b", "a@b.org c@d.org", "<a@b.org", "a@b.org>", `"x`, "(x", "G: a@b.org", "G: a@b.org; x", "<@r:a@b.org>", "a@b..org", "a b@c.org", "N <>", "a@-b.org"} {
		if l, err := message.ParseAddressList(in); err == nil {
			t.Errorf("%q reads as %v", in, l)
		}
	}
}

// TestAddressesInLinearTime reads what would take hours if any part of it were looked at again and again.
func TestAddressesInLinearTime(t *testing.T) {
	const n = 1 << 20
	for _, piece := range []string{"(", "((", "(,", `",`, "a,", "<", "a:", "\\", ".", "a.", `"" `, "@", "=?"} {
		_, _ = message.ParseAddressList(strings.Repeat(piece, n/len(piece))) // an error or not: it ends
	}
}

func TestDates(t *testing.T) {
	for _, date := range []time.Time{
		good0, good0.Add(9*24*time.Hour + 23*time.Hour + 59*time.Minute + 58*time.Second),
		time.Date(1900, 1, 1, 0, 0, 0, 0, time.FixedZone("", -34*60)), time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", 14*3600)),
		time.Date(2026, 7, 31, 12, 0, 0, 0, time.FixedZone("", -(9*3600+30*60))), time.Date(2026, 2, 28, 1, 2, 3, 4, time.FixedZone("", 5*3600+45*60)),
	} {
		want := "Date: " + date.Format("Mon, 2 Jan 2006 15:04:05 -0700") + "\r\n"
		if text := string(octets(t, build(t, good().Date(date)))); !strings.Contains(text, want) {
			t.Errorf("want %q in %q", want, text)
		}
	}
}

// list is a list of addresses as text.
func list(text string) message.AddressList {
	l, err := message.ParseAddressList(text)
	if err != nil {
		panic(err)
	}
	return l
}
