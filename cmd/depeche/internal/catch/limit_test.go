package catch_test

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/cmd/depeche/internal/catch"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// TestLimitsOfARelay has what a server says beyond each limit.
func TestLimitsOfARelay(t *testing.T) {
	to := func(list ...string) []string { return list }
	for _, tc := range []struct {
		limit, dialect string
		mails          [][]string // over one connection
		want           string     // of the last one
		reply          string
	}{
		{"2 mails an hour", "", [][]string{to("a@d.test"), to("b@d.test"), to("c@d.test")}, "deferred", "450 4.7.1 too many messages"},
		{"2 mails per 90m", "ses", [][]string{to("a@d.test"), to("b@d.test"), to("c@d.test")}, "deferred", "454 Throttling failure: Maximum"},
		{"1 mail a day", "gmail", [][]string{to("a@d.test"), to("b@d.test")}, "deferred", "550 5.4.5 Daily"},
		{"2 recipients a day", "", [][]string{to("a@d.test", "b@d.test", "c@d.test")}, "accepted, accepted, deferred", "452 4.7.1 too many messages today"},
		{"1 recipients an hour for D.test", "", [][]string{to("a@d.test", "b@D.TEST", "c@e.test")}, "accepted, deferred, accepted", "450 4.7.1 too many messages for this domain"},
		{"1 mail a connection", "postfix", [][]string{to("a@d.test"), to("b@d.test")}, "accepted", ""}, // over the next one
	} {
		t.Run(tc.limit+" "+tc.dialect, func(t *testing.T) {
			server, _ := start(t, catch.Config{RelayLimits: []string{tc.limit}, Dialect: tc.dialect})
			sender, err := smtp.FromURL("smtp://" + server.MailAddress()).Pool(smtp.Pool{MaxOpen: 1}).Build()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = sender.Close() }()
			var last *transport.Result
			for _, to := range tc.mails {
				last, err = sender.Send(t.Context(), mail(t, "Welcome", to...))
			}
			var fates []string
			for _, r := range last.Recipients {
				fates = append(fates, r.Outcome.String())
			}
			if diff := cmp.Diff(tc.want, strings.Join(fates, ", ")); diff != "" {
				t.Error(diff)
			}
			if tc.reply != "" && (err == nil || !strings.Contains(err.Error(), strings.TrimSpace(tc.reply[4:]))) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestLimitsOnTheWire has what a client reads that goes on.
func TestLimitsOnTheWire(t *testing.T) {
	for limit, tc := range map[string]struct{ say, want string }{
		"1 recipient a mail":    {"EHLO x\r\nMAIL FROM:<a@d.test>\r\nRCPT TO:<b@d.test>\r\nRCPT TO:<c@d.test>\r\nQUIT\r\n", "\r\n452 "},
		"2 errors":              {"EHLO x\r\nMAIL\r\nMAIL\r\n", "\r\n421 4.7.0 too many errors\r\n"},
		"2 errors a connection": {"EHLO x\r\nMAIL\r\nMAIL\r\n", "\r\n421 4.7.0 too many errors\r\n"},
		"idle 50ms":             {"EHLO x\r\n", ""}, // the end of the stream
	} {
		t.Run(limit, func(t *testing.T) {
			server, _ := start(t, catch.Config{RelayLimits: []string{limit}})
			conn, err := net.Dial("tcp", server.MailAddress())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write([]byte(tc.say)); err != nil {
				t.Fatal(err)
			}
			heard, err := io.ReadAll(conn)
			if err != nil || !strings.Contains(string(heard), tc.want) {
				t.Errorf("%v: %s", err, heard)
			}
		})
	}
}

// TestConnectionsOfARelay refuses the third connection in the words of Postfix, and a sender that learns loses nothing.
func TestConnectionsOfARelay(t *testing.T) {
	server, _ := start(t, catch.Config{RelayLimits: []string{"2 connections"}, Dialect: "postfix"})
	sender, err := smtp.FromURL("smtp://" + server.MailAddress()).Build()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sender.Close() }()
	var sends sync.WaitGroup
	for range 30 {
		sends.Go(func() {
			if _, err := sender.Send(t.Context(), mail(t, "Welcome", "hei@example.org")); err != nil {
				t.Error(err)
			}
		})
	}
	sends.Wait()
	if n := len(server.Inbox().Mails()); n != 30 {
		t.Errorf("%d mails", n)
	}
}

// TestRelayLimitsTwice: a second limit of the same kind would replace the first, so it is refused; those of other kinds go together.
func TestRelayLimitsTwice(t *testing.T) {
	for text, want := range map[string]string{
		"30 mails a minute, 100 mails an hour":                            "limit \"100 mails an hour\": there is one of mails in a time already",
		"2 connections, 3 connections":                                    "one of connections already",
		"idle 3s, idle 5s":                                                "one of silence already",
		"9 errors, 8 errors a connection":                                 "one of errors already",
		"1 mail a day, 2 mails per day":                                   "one of mails a day already",
		"2 recipients a mail, 3 recipients per mail":                      "one of recipients a mail already",
		"2 recipients a day for d.test, 3 recipients a second for D.test": "one of recipients for d.test already",
		"2 recipients a day for d.test, 3 recipients a day for e.test":    "",
		"30 mails a minute, 100 mails a day, 9 mails a connection, 9 recipients a day, 2 connections, 9 errors, idle 3s, 3 recipients a mail": "",
	} {
		server, err := catch.Start(t.Context(), catch.Config{MailAddress: "127.0.0.1:0", PageAddress: "127.0.0.1:0", RelayLimits: strings.Split(text, ", ")})
		if err == nil {
			ended, end := context.WithCancel(t.Context())
			end()
			if err := server.Serve(ended); err != nil {
				t.Error(err)
			}
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// TestRelayLimitWords has what each limit sets, and what is not one.
func TestRelayLimitWords(t *testing.T) {
	for text, want := range map[string]string{
		"30 mails":                  "want a number, of what, and in what",
		"x mails a day":             `"x" is not a number above 0`,
		"0 mails a day":             `"0" is not a number above 0`,
		"3 mails a fortnight":       `"fortnight" is not a second, minute, hour, day`,
		"3 mails in hour":           "want a number, of what, and in what",
		"3 sheep a day":             "want a number, of what, and in what",
		"3 connections a day":       "want a number, of what, and in what",
		"3 mails a day for d.test":  "counted in recipients",
		"3 recipients for d.test":   `"" is not a second`,
		"idle soon":                 "want a time such as 30s",
		"idle -3s":                  "want a time such as 30s",
		"":                          "want a number, of what, and in what",
		"30 mails a minute and one": "want a number, of what, and in what",
	} {
		_, err := catch.Start(t.Context(), catch.Config{MailAddress: "127.0.0.1:0", PageAddress: "127.0.0.1:0", RelayLimits: []string{text}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	for _, name := range smtptest.Dialects() {
		if !strings.Contains(catch.DialectNames(), name) {
			t.Errorf("there is no dialect %s", name)
		}
	}
}
