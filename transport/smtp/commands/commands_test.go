package commands_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
	"github.com/google/go-cmp/cmp"
)

func address(t *testing.T, s string) envelope.Address {
	t.Helper()
	a, err := envelope.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func clientID(t *testing.T, s string) extension.ClientID {
	t.Helper()
	c, err := extension.ParseClientID(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAppendTo(t *testing.T) {
	cases := []struct {
		command commands.Command
		want    string
	}{
		{commands.Ehlo{Client: clientID(t, "host.example.org")}, "EHLO host.example.org\r\n"},
		{commands.Helo{Client: clientID(t, "192.0.2.1")}, "HELO [192.0.2.1]\r\n"},
		{commands.Starttls{}, "STARTTLS\r\n"},
		{commands.Auth{Mechanism: "LOGIN"}, "AUTH LOGIN\r\n"},
		{commands.Auth{Mechanism: "PLAIN", Initial: []byte("\x00u\x00p")}, "AUTH PLAIN AHUAcA==\r\n"},
		{commands.Auth{Mechanism: "EXTERNAL", Initial: []byte{}}, "AUTH EXTERNAL =\r\n"},
		{commands.AuthResponse{Response: []byte("secret")}, "c2VjcmV0\r\n"},
		{commands.AuthResponse{}, "\r\n"},
		{commands.AuthCancel{}, "*\r\n"},
		{commands.Mail{}, "MAIL FROM:<>\r\n"},
		{commands.Mail{From: address(t, "a@example.org"), Params: extension.MailParams{Size: 12}}, "MAIL FROM:<a@example.org> SIZE=12\r\n"},
		{commands.Mail{From: address(t, "ü@example.org"), Params: extension.MailParams{SMTPUTF8: true}}, "MAIL FROM:<ü@example.org> SMTPUTF8\r\n"},
		{commands.Rcpt{To: address(t, `"x@y> NOTIFY=NEVER"@example.org`)}, `RCPT TO:<"x@y> NOTIFY=NEVER"@example.org>` + "\r\n"},
		{commands.Rcpt{To: address(t, "ü@example.org"), UTF8: true}, "RCPT TO:<ü@example.org>\r\n"},
		{commands.Data{}, "DATA\r\n"},
		{commands.Rset{}, "RSET\r\n"},
		{commands.Noop{}, "NOOP\r\n"},
		{commands.Quit{}, "QUIT\r\n"},
	}
	for _, tc := range cases {
		t.Run(strings.TrimSpace(tc.want), func(t *testing.T) {
			got, err := tc.command.AppendTo([]byte("before "))
			if diff := cmp.Diff("before "+tc.want, string(got)); diff != "" || err != nil {
				t.Error(err, diff)
			}
			if tc.command.Verb() == "" {
				t.Error("no verb")
			}
		})
	}
}

func TestAppendToRefuses(t *testing.T) {
	cases := map[string]commands.Command{
		"no client name":            commands.Ehlo{},
		"no client name in HELO":    commands.Helo{},
		"UTF-8 sender":              commands.Mail{From: address(t, "ü@example.org")},
		"UTF-8 recipient":           commands.Rcpt{To: address(t, "ü@example.org")},
		"null recipient":            commands.Rcpt{UTF8: true},
		"CRLF in mechanism":         commands.Auth{Mechanism: "PLAIN\r\nMAIL FROM:<x@y>"},
		"CRLF in a parameter":       commands.Mail{Params: extension.MailParams{Body: "7BIT\r\nRCPT TO:<x@y>"}},
		"DEL in a parameter":        commands.Mail{Params: extension.MailParams{Body: "\x7f"}},
		"not UTF-8":                 commands.Mail{Params: extension.MailParams{Body: "\xff", SMTPUTF8: true}},
		"initial response too long": commands.Auth{Mechanism: "PLAIN", Initial: make([]byte, 2000)},
	}
	for name, command := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := command.AppendTo([]byte("before"))
			var refused *commands.ArgumentError
			if !errors.As(err, &refused) || refused.Verb != command.Verb() {
				t.Errorf("got %q, %v; want an ArgumentError", got, err)
			}
			if string(got) != "before" {
				t.Errorf("left %q in the buffer", got)
			}
		})
	}
}
