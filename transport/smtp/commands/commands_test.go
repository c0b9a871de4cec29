package commands_test

import (
	"errors"
	"math"
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

func clientID(t *testing.T, s string) extension.HelloName {
	t.Helper()
	c, err := extension.ParseHelloName(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAppendTo writes each command, the null sender and quoted local parts among them.
func TestAppendTo(t *testing.T) {
	cases := []struct {
		command commands.Command
		want    string
	}{
		{commands.Ehlo{HelloName: clientID(t, "host.example.org")}, "EHLO host.example.org\r\n"},
		{commands.Helo{HelloName: clientID(t, "192.0.2.1")}, "HELO [192.0.2.1]\r\n"},
		{commands.StartTLS{}, "STARTTLS\r\n"},
		{commands.Auth{Mechanism: "LOGIN"}, "AUTH LOGIN\r\n"},
		{commands.Auth{Mechanism: "PLAIN", Initial: []byte("\x00u\x00p")}, "AUTH PLAIN AHUAcA==\r\n"},
		{commands.Auth{Mechanism: "EXTERNAL", Initial: []byte{}}, "AUTH EXTERNAL =\r\n"},
		{commands.AuthResponse{Response: []byte("secret")}, "c2VjcmV0\r\n"},
		{commands.AuthResponse{}, "\r\n"},
		{commands.AuthCancel{}, "*\r\n"},
		{commands.Mail{}, "MAIL FROM:<>\r\n"},
		{commands.Rcpt{To: envelope.Postmaster()}, "RCPT TO:<Postmaster>\r\n"},
		{commands.Rcpt{To: envelope.Postmaster(), Params: extension.RcptParams{Notify: envelope.NotifyNever}}, "RCPT TO:<Postmaster> NOTIFY=NEVER\r\n"},
		{commands.Mail{From: address(t, "a@example.org"), Params: extension.MailParams{Size: 12}}, "MAIL FROM:<a@example.org> SIZE=12\r\n"},
		{commands.Mail{From: address(t, "ü@example.org"), Params: extension.MailParams{SMTPUTF8: true}}, "MAIL FROM:<ü@example.org> SMTPUTF8\r\n"},
		{commands.Rcpt{To: address(t, `"x@y> NOTIFY=NEVER"@example.org`)}, `RCPT TO:<"x@y> NOTIFY=NEVER"@example.org>` + "\r\n"},
		{commands.Rcpt{To: address(t, "ü@example.org"), UTF8: true}, "RCPT TO:<ü@example.org>\r\n"},
		{commands.Mail{From: address(t, "a@example.org"), Params: extension.MailParams{Size: 9, Return: envelope.ReturnHeaders, EnvelopeID: "a b"}}, "MAIL FROM:<a@example.org> SIZE=9 RET=HDRS ENVID=a+20b\r\n"},
		{commands.Rcpt{To: address(t, "a@example.org"), Params: extension.RcptParams{Notify: envelope.NotifyDelay, UTF8: true, Original: extension.OriginalRecipient{Address: "ü@x"}}}, `RCPT TO:<a@example.org> NOTIFY=DELAY ORCPT=utf-8;\x{FC}@x` + "\r\n"},
		{commands.Rcpt{To: address(t, "a@example.org"), UTF8: true, Params: extension.RcptParams{Original: extension.OriginalRecipient{Address: "ü@x"}}}, "RCPT TO:<a@example.org> ORCPT=utf-8;ü@x\r\n"},
		{commands.Lhlo{HelloName: clientID(t, "host.example.org")}, "LHLO host.example.org\r\n"},
		{commands.Bdat{Size: 0}, "BDAT 0\r\n"},
		{commands.Bdat{Size: math.MaxInt64, Last: true}, "BDAT 9223372036854775807 LAST\r\n"},
		{commands.Vrfy{Target: "Smith"}, "VRFY Smith\r\n"},
		{commands.Vrfy{Target: `<"a b\" SMTPUTF8"@example.org>`}, `VRFY <"a b\" SMTPUTF8"@example.org>` + "\r\n"},
		{commands.Vrfy{Target: "ü@example.org", UTF8: true}, "VRFY ü@example.org SMTPUTF8\r\n"},
		{commands.Expn{Target: "staff"}, "EXPN staff\r\n"},
		{commands.Expn{Target: "staff", UTF8: true}, "EXPN staff SMTPUTF8\r\n"},
		{commands.Help{}, "HELP\r\n"},
		{commands.Help{Topic: "MAIL"}, "HELP MAIL\r\n"},
		{commands.Custom{Name: "etrn", Arguments: "example.org"}, "ETRN example.org\r\n"},
		{commands.Custom{Name: "X-2"}, "X-2\r\n"},
		{commands.Custom{Name: "XNOTE", Arguments: "ü b", UTF8: true}, "XNOTE ü b\r\n"},
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
		"no client name":              commands.Ehlo{},
		"no client name in HELO":      commands.Helo{},
		"no client name in LHLO":      commands.Lhlo{},
		"UTF-8 sender":                commands.Mail{From: address(t, "ü@example.org")},
		"UTF-8 recipient":             commands.Rcpt{To: address(t, "ü@example.org")},
		"null recipient":              commands.Rcpt{UTF8: true},
		"no mechanism":                commands.Auth{},
		"CRLF in mechanism":           commands.Auth{Mechanism: "PLAIN\r\nMAIL FROM:<x@y>"},
		"blank in mechanism":          commands.Auth{Mechanism: "PLAIN ="},
		"CRLF in a parameter":         commands.Mail{Params: extension.MailParams{Body: "7BIT\r\nRCPT TO:<x@y>"}},
		"DEL in a parameter":          commands.Mail{Params: extension.MailParams{Body: "\x7f"}},
		"not UTF-8":                   commands.Mail{Params: extension.MailParams{Body: "\xff", SMTPUTF8: true}},
		"custom not UTF-8":            commands.Custom{Name: "XNOTE", Arguments: "\xff", UTF8: true},
		"name not UTF-8":              commands.Vrfy{Target: "\xff", UTF8: true},
		"CRLF in ENVID":               commands.Mail{Params: extension.MailParams{EnvelopeID: "a\r\nb"}},
		"NOTIFY that contradicts":     commands.Rcpt{To: address(t, "a@example.org"), Params: extension.RcptParams{Notify: 3}},
		"initial response too long":   commands.Auth{Mechanism: "PLAIN", Initial: make([]byte, 9216)},
		"response too long":           commands.AuthResponse{Response: make([]byte, 9216)},
		"negative chunk":              commands.Bdat{Size: -1},
		"nobody to verify":            commands.Vrfy{},
		"a parameter in a name":       commands.Vrfy{Target: "smith SMTPUTF8"},
		"quotes that stay open":       commands.Expn{Target: `"smith`},
		"an escape of the last quote": commands.Expn{Target: `"smith\"`},
		"an escape of nothing":        commands.Expn{Target: `"smith\`},
		"quotes inside a name":        commands.Expn{Target: `a" SMTPUTF8"`},
		"UTF-8 name":                  commands.Vrfy{Target: "ü"},
		"name too long":               commands.Vrfy{Target: strings.Repeat("a", 506)},
		"two topics":                  commands.Help{Topic: "a b"},
		"no name":                     commands.Custom{},
		"digit first":                 commands.Custom{Name: "1X"},
		"blank in name":               commands.Custom{Name: "NOOP x"},
		"name of 33 letters":          commands.Custom{Name: strings.Repeat("X", 33)},
		"command with a state":        commands.Custom{Name: "data"},
		"command with another's":      commands.Custom{Name: "Turn"},
		"CRLF in custom arguments":    commands.Custom{Name: "ETRN", Arguments: "a\r\nDATA"},
		"UTF-8 in custom arguments":   commands.Custom{Name: "ETRN", Arguments: "ü"},
		"custom line too long":        commands.Custom{Name: "ETRN", Arguments: strings.Repeat("a", 506)},
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

func TestLongestLines(t *testing.T) {
	for want, command := range map[int]commands.Command{
		512:   commands.Vrfy{Target: strings.Repeat("a", 505)},
		511:   commands.Expn{Target: strings.Repeat("a", 495), UTF8: true},
		12288: commands.AuthResponse{Response: make([]byte, 9213)},
	} {
		got, err := command.AppendTo(nil)
		if err != nil || len(got) > want || len(got) < want-4 {
			t.Errorf("%T: %d octets, %v; want %d", command, len(got), err, want)
		}
	}
}

func TestArgumentErrorNamesTheParameter(t *testing.T) {
	_, err := commands.Mail{Params: extension.MailParams{Priority: 10}}.AppendTo(nil)
	param, ok := errors.AsType[*extension.ParamError](err)
	if !ok || param.Param != "MT-PRIORITY" || !strings.Contains(err.Error(), "MT-PRIORITY") {
		t.Errorf("got %v, want a ParamError for MT-PRIORITY", err)
	}
}

// TestArgumentErrorKeepsSecrets holds that no refused secret is in the error.
func TestArgumentErrorKeepsSecrets(t *testing.T) {
	secret := strings.Repeat("hunter2", 2000)
	for _, command := range []commands.Command{
		commands.Auth{Mechanism: "PLAIN", Initial: []byte(secret)},
		commands.AuthResponse{Response: []byte(secret)},
		commands.Custom{Name: "XTOKEN", Arguments: secret},
	} {
		got, err := command.AppendTo(nil)
		if err == nil || strings.Contains(err.Error(), "hunter2") || len(got) > 0 {
			t.Errorf("%T: %v", command, err)
		}
	}
}

// TestEncodersDoNotAllocate keeps the cost of the commands that come with every message.
func TestEncodersDoNotAllocate(t *testing.T) {
	buffer := make([]byte, 0, 2048)
	mail := commands.Mail{From: address(t, "sender@example.org"), Params: extension.MailParams{Size: 12345, Body: extension.Body8Bit}}
	rcpt := commands.Rcpt{To: address(t, "recipient@example.org"), Params: extension.RcptParams{Notify: envelope.NotifyFailure}}
	if n := testing.AllocsPerRun(100, func() {
		b, err := mail.AppendTo(buffer)
		if err == nil {
			b, err = rcpt.AppendTo(b)
		}
		if err == nil {
			_, err = commands.Bdat{Size: 12345, Last: true}.AppendTo(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%.0f allocations", n)
	}
}

func BenchmarkMail(b *testing.B) {
	from, err := envelope.ParseAddress("sender@example.org")
	if err != nil {
		b.Fatal(err)
	}
	mail := commands.Mail{From: from, Params: extension.MailParams{Size: 12345, Body: extension.Body8Bit}}
	buffer := make([]byte, 0, 2048)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mail.AppendTo(buffer); err != nil {
			b.Fatal(err)
		}
	}
}

// TestOctets puts each octet at each place of a line. The oracle looks at one octet at a time.
func TestOctets(t *testing.T) {
	const length = 20
	for at := range length {
		for c := range 256 {
			text := []byte(strings.Repeat("~ ", length/2))
			text[at] = byte(c)
			_, err := commands.Custom{Name: "XTEST", Arguments: string(text)}.AppendTo(nil)
			want := ""
			switch {
			case c < ' ' || c == 0x7f:
				want = "XTEST command not sent: control character in argument"
			case c > 0x7f:
				want = "XTEST command not sent: octet above 127 in argument without SMTPUTF8"
			}
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("octet %#x at %d: %q, want %q", c, at, got, want)
			}
			_, err = commands.Custom{Name: "XTEST", Arguments: string(text) + "ü", UTF8: true}.AppendTo(nil)
			if ok := c >= ' ' && c < 0x7f; (err == nil) != ok {
				t.Errorf("octet %#x at %d in UTF-8: %v", c, at, err)
			}
		}
	}
}
