package dkim

import (
	"context"
	"errors"
	"fmt"

	"github.com/depeche-mail/depeche/transport"
)

// ErrNoSigner is what a function of [ByDomain] may return for a domain for which there is no key. The mail is
// not sent then.
var ErrNoSigner = errors.New("no key for this domain")

// ByDomain chooses the signer of a mail by the domain of its From field, for programs that send for many
// domains. It is given a domain as A-labels in lower case, is called once for each mail, from several
// goroutines, and keeps what it loads itself. An error means that the mail is not sent, a nil Signer that it
// goes without a signature.
type ByDomain func(ctx context.Context, domain string) (*Signer, error)

// Sign returns mail with the signatures of its signer, see [Signer.Sign], or mail itself without one.
func (f ByDomain) Sign(ctx context.Context, mail transport.Mail) (transport.Mail, error) {
	return f.sign(ctx, mail, transport.SignatureRules{})
}

func (f ByDomain) sign(ctx context.Context, mail transport.Mail, rules transport.SignatureRules) (transport.Mail, error) {
	return sign(ctx, mail, func(fields []field) (*Signer, error) {
		domains, err := fromDomains(fields)
		if err != nil {
			return nil, err
		}
		signer, err := f(ctx, domains[0])
		if err != nil {
			return nil, fmt.Errorf("the key of %s: %w", domains[0], err)
		}
		if signer == nil {
			return nil, nil
		}
		return signer.fit(rules)
	})
}

// ForRelay returns the step that signs for a relay that has rules of its own; see [Signer.ForRelay]. Which
// signers there are is seen mail by mail, so a signer that does not fit the relay is an error of that mail.
func (f ByDomain) ForRelay(rules transport.SignatureRules) (func(context.Context, transport.Mail) ([]transport.Mail, error), error) {
	if f == nil {
		return nil, errors.New("dkim: ByDomain is nil; a function is needed")
	}
	return func(ctx context.Context, mail transport.Mail) ([]transport.Mail, error) {
		return only(f.sign(ctx, mail, rules))
	}, nil
}
