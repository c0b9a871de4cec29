package mailtest_test

import (
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/message"
	"github.com/google/go-cmp/cmp"
)

// library fills an inbox with a few mails of different kinds.
func library(t *testing.T) *mailtest.Inbox {
	t.Helper()
	inbox := mailtest.New()
	from := func(who string) message.Builder { return message.New().From(who).To("Hei <hei@example.org>") }
	for _, builder := range []message.Builder{
		from("The shop <shop@example.org>").Subject("Welcome").Text("Good to\nhave you here at 12:30."),
		from("The shop <shop@example.org>").Subject("Your order").Bcc("archive@example.test").HTML("<style>token {}</style><p>Good <b>to</b> have</p>").
			Attach(message.FileBytes("Bestellung.csv", []byte("tea"))),
		from("Zoë <zoe@example.net>").Subject("GRÜSSE").Text("Nothing to attach: no order."),
	} {
		mail, err := builder.Build()
		if err != nil {
			t.Fatal(err)
		}
		send(t, inbox, mail)
	}
	return inbox
}

func TestSearch(t *testing.T) {
	all := []string{"Welcome", "Your order", "GRÜSSE"}
	cases := map[string][]string{
		"":                           all,
		"  ":                         all,
		"order":                      {"Your order", "GRÜSSE"},
		"ORDER good":                 {"Your order"},
		"good to have":               {"Welcome", "Your order"},
		`"good to have"`:             {"Welcome", "Your order"},
		`"have good"`:                {},
		"from:shop":                  {"Welcome", "Your order"},
		"from:zoë":                   {"GRÜSSE"},
		"from:zoe@example.net":       {"GRÜSSE"},
		"FROM:ZOE":                   {"GRÜSSE"},
		"to:hei":                     all,
		"to:archive":                 {"Your order"},
		"archive":                    {"Your order"},
		"subject:order":              {"Your order"},
		`subject:"your order"`:       {"Your order"},
		"subject:grüsse":             {"GRÜSSE"},
		"text:order":                 {"GRÜSSE"},
		"text:token":                 {},
		"has:attachment":             {"Your order"},
		"-has:attachment":            {"Welcome", "GRÜSSE"},
		"order -from:shop":           {"GRÜSSE"},
		"bestellung":                 {"Your order"},
		"12:30":                      {"Welcome"},
		"-":                          {},
		"has":                        {},
		"from:shop subject:welcome ": {"Welcome"},
		"from:":                      all,
	}
	inbox := library(t)
	for query, want := range cases {
		t.Run(query, func(t *testing.T) {
			match, err := mailtest.Search(query)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, subjects(inbox.Mails(match))); diff != "" {
				t.Errorf("%s: %s", match, diff)
			}
		})
	}
}

func TestSearchErrors(t *testing.T) {
	for query, want := range map[string]string{
		`subject:"order`:          "quotation mark",
		"has:wings":               "has:wings is not known; use has:attachment",
		strings.Repeat("x", 1025): "1025 octets",
	} {
		if _, err := mailtest.Search(query); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v", query, err)
		}
	}
}

// FuzzSearch: what a query finds does not depend on the space around it, and any query can be asked.
func FuzzSearch(f *testing.F) {
	f.Add(`-from:"a b" has:attachment x`)
	f.Fuzz(func(t *testing.T, query string) {
		match, err := mailtest.Search(query)
		again, errAgain := mailtest.Search(" " + query + "\t")
		if len(query) > 1000 {
			return
		}
		if (err == nil) != (errAgain == nil) || match.String() != again.String() {
			t.Errorf("%q: %s, %v; with space %s, %v", query, match, err, again, errAgain)
		}
		for _, mail := range library(t).Mails() {
			match.Mismatch(mail)
		}
	})
}
