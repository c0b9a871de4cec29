package sendmail

import (
	"fmt"
	"strings"

	"github.com/depeche-mail/depeche/envelope"
)

// Kind names the program that a command belongs to. All of them take -i, -f and the recipients; the flags for
// delivery options are different, and one program's flag for an option is another's for not delivering.
type Kind string

// The programs whose flags are known.
const (
	// Unnamed is any command. Mail with delivery options is refused.
	Unnamed Kind = ""
	// Sendmail is that of Sendmail 8: Notify, DSNReturn and EnvelopeID.
	Sendmail Kind = "sendmail"
	// Postfix is the sendmail command of Postfix: Notify, DSNReturn and EnvelopeID.
	Postfix Kind = "postfix"
	// Exim has no flags for delivery options; its -N means not to deliver.
	Exim Kind = "exim"
	// Msmtp passes on Notify and DSNReturn. It reads -V and does not pass it on.
	Msmtp Kind = "msmtp"
)

// abilities are the delivery options that a program has flags for.
type abilities struct{ notify, dsnReturn, envelopeID bool }

var kinds = map[Kind]abilities{
	Unnamed:  {},
	Sendmail: {true, true, true},
	Postfix:  {true, true, true},
	Exim:     {},
	Msmtp:    {notify: true, dsnReturn: true},
}

// String returns the name, for error texts.
func (k Kind) String() string {
	if k == Unnamed {
		return "an unnamed command"
	}
	return string(k)
}

// options returns the flags for the delivery options of an envelope, with their values attached: a value
// that stood alone would be a recipient for a program that does not know the flag.
func (k Kind) options(env envelope.Envelope) (flags []string, err error) {
	can, d := kinds[k], env.Options()
	notify := env.At(0).Notify
	for i := range env.Len() {
		switch r := env.At(i); {
		case r.Notify != notify: // one flag serves all recipients
			return nil, k.unsupported("Notify that differs between recipients, for " + r.Address.String())
		case !r.OriginalRecipient.IsNull():
			return nil, k.unsupported("OriginalRecipient, for " + r.Address.String())
		}
	}
	for _, option := range []struct {
		name, flag, value string
		can               bool
	}{
		{"Notify", "-N", strings.ToLower(notify.String()), can.notify},
		{"DSNReturn", "-R", strings.ToLower(string(d.DSNReturn)), can.dsnReturn},
		{"EnvelopeID", "-V", d.EnvelopeID, can.envelopeID},
	} {
		switch {
		case option.value == "":
		case !option.can:
			return nil, k.unsupported(option.name)
		default:
			flags = append(flags, option.flag+option.value)
		}
	}
	if d != (envelope.Options{DSNReturn: d.DSNReturn, EnvelopeID: d.EnvelopeID}) {
		return nil, k.unsupported("RequireTLS, DeliverBy and the like")
	}
	return flags, nil
}

func (k Kind) unsupported(option string) error {
	hint := ""
	if k == Unnamed {
		hint = "; name the program in Config.Kind"
	}
	return fmt.Errorf("%w: %s with %s%s", ErrUnsupported, option, k, hint)
}
