package policy

import (
	"context"
	"reflect"
	"slices"

	mailend "github.com/depeche-mail/depeche/internal/ending"
	"github.com/depeche-mail/depeche/transport"
)

// endingsOf returns who is told of the end of a mail; see [transport.WithEnding].
func endingsOf(mail transport.Mail) []mailend.Ending {
	if late, ok := mail.(mailend.Late); ok {
		return late.LateEndings()
	}
	return nil
}

// keepEndings returns made, which goes out instead of a mail, with the endings of that: a ledger above that does not hear of the end
// of what leaves would let it be sent again after a kill.
func keepEndings(made transport.Mail, list []mailend.Ending) transport.Mail {
	if made == nil {
		return made
	}
	for _, e := range list {
		if !slices.ContainsFunc(endingsOf(made), func(known mailend.Ending) bool { return sameEnding(known, e) }) {
			made = transport.WithEnding(made, e.Group, e.Token)
		}
	}
	return made
}

// sameEnding reports whether one is the other; what cannot be compared is told twice, which does no harm.
func sameEnding(a, b mailend.Ending) bool {
	for _, v := range []any{a.Group, a.Token, b.Group, b.Token} {
		if !reflect.ValueOf(v).Comparable() {
			return false
		}
	}
	return a == b
}

// keeping returns next for a step of [Wrap] that was given mail.
func keeping(mail transport.Mail, next transport.Transport) transport.Transport {
	list := endingsOf(mail)
	if len(list) == 0 {
		return next
	}
	return transport.Func(func(ctx context.Context, made transport.Mail) (*transport.Result, error) {
		return next.Send(ctx, keepEndings(made, list))
	})
}
