package commands_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
)

// The grammar of the lines, by regular expressions: the oracle of the encoders. A UTF-8 character is
// one [^\x00-\x7f].
const (
	quoted = `"(?:[ !#-\[\]-~]|[^\x00-\x7f]|\\[ -~])*"`
	path   = `(?:(?:[!#-'*+\-./-9=?A-Z^-~]|[^\x00-\x7f])+|` + quoted + `)@[A-Za-z0-9.\-]+`
	param  = `(?: [A-Z0-9][A-Z0-9\-]*(?:=(?:[!-<>-~]|[^\x00-\x7f])+)?)*`
)

var lines = map[string]*regexp.Regexp{
	"MAIL": regexp.MustCompile(`^MAIL FROM:<(?:` + path + `)?>` + param + `$`),
	"RCPT": regexp.MustCompile(`^RCPT TO:<` + path + `>` + param + `$`),
	"VRFY": regexp.MustCompile(`^VRFY <?(?:` + quoted + `)?(?:[!#-~]|[^\x00-\x7f])*(?: SMTPUTF8)?$`),
	"EXPN": regexp.MustCompile(`^EXPN <?(?:` + quoted + `)?(?:[!#-~]|[^\x00-\x7f])*(?: SMTPUTF8)?$`),
	"HELP": regexp.MustCompile(`^HELP(?: <?(?:` + quoted + `)?(?:[!#-~]|[^\x00-\x7f])*)?$`),
	"EHLO": regexp.MustCompile(`^EHLO (?:[A-Za-z0-9.\-]+|\[[0-9A-Za-z:.]+\])$`),
	"AUTH": regexp.MustCompile(`^AUTH [A-Z0-9_\-]{1,20}(?: =| [A-Za-z0-9+/]+={0,2})?$`),
	"BDAT": regexp.MustCompile(`^BDAT [0-9]{1,19}(?: LAST)?$`),
}

// FuzzAppendTo holds that whatever the arguments are, what comes out is one line of the grammar, or an
// ArgumentError with nothing written.
func FuzzAppendTo(f *testing.F) {
	f.Add("a b", "x\r\ny", "PLAIN", int64(5), uint8(3))
	f.Add(`"a b"@example.org`, "<>", "smith SMTPUTF8", int64(-1), uint8(1))
	f.Add("ü", "utf-8", `"a\" b"`, int64(0), uint8(7))
	f.Fuzz(func(t *testing.T, a, b, c string, n int64, bits uint8) {
		flag := bits&1 != 0
		list := []commands.Command{
			commands.Vrfy{Target: a, UTF8: flag},
			commands.Expn{Target: b, UTF8: flag},
			commands.Help{Topic: c},
			commands.Auth{Mechanism: c, Initial: []byte(a)},
			commands.AuthResponse{Response: []byte(b)},
			commands.Bdat{Size: n, Last: flag},
			commands.Custom{Name: a, Arguments: b, UTF8: flag},
		}
		if id, err := extension.ParseHelloName(a); err == nil {
			list = append(list, commands.Ehlo{HelloName: id})
		}
		if to, err := envelope.NewAddress(a, "example.org"); err == nil {
			list = append(list, commands.Mail{From: to, Params: extension.MailParams{
				Size: n, SMTPUTF8: flag, EnvelopeID: b, Auth: c, Body: extension.Body(strings.ToUpper(c)), HoldFor: time.Duration(n),
			}}, commands.Rcpt{To: to, UTF8: flag, Params: extension.RcptParams{
				Notify: envelope.Notify(bits), Original: extension.OriginalRecipient{Type: c, Address: b},
			}}, commands.Mail{From: to, Params: extension.MailParams{SMTPUTF8: flag, EnvelopeID: b, Priority: int(n)}})
		}
		for _, command := range list {
			checkLine(t, command, flag)
		}
	})
}

func checkLine(t *testing.T, command commands.Command, utf8Allowed bool) {
	t.Helper()
	const before = "before\r\n"
	got, err := command.AppendTo([]byte(before))
	if err != nil {
		var refused *commands.ArgumentError
		if string(got) != before || !errors.As(err, &refused) || refused.Verb != command.Verb() || len(err.Error()) > 600 {
			t.Errorf("%#v: %q, %v", command, got, err)
		}
		return
	}
	line, ended := strings.CutSuffix(strings.TrimPrefix(string(got), before), "\r\n")
	ascii := strings.IndexFunc(line, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
	switch {
	case !ended || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }):
		t.Errorf("%#v: %q is not one printable line", command, got)
	case !utf8.ValidString(line) || !ascii && !utf8Allowed:
		t.Errorf("%#v: %q has octets that were not allowed", command, got)
	case len(got) > 12288+len(before):
		t.Errorf("%#v: line of %d octets", command, len(got))
	}
	if _, bare := command.(commands.AuthResponse); bare {
		return
	}
	if _, custom := command.(commands.Custom); !custom && !lines[command.Verb()].MatchString(line) {
		t.Errorf("%#v: %q does not follow the grammar", command, line)
	}
}
