package dkim

import (
	"crypto"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/linear"
)

// FieldError says which step of the builder was given something unusable, and why.
type FieldError = envelope.FieldError

// ErrStale is the error of Build when a handle was used twice; see [Builder].
var ErrStale = linear.ErrStale

// Builder is a linear handle of a signer being configured: each step spends it and returns the next one.
// Keep the result (b = b.Key(x, y)) or fork with Clone. The zero Builder is not usable.
type Builder struct {
	handle linear.Handle
	state  *state
}

// state is what the steps collect; Build checks it.
type state struct {
	signer Signer
	extra  []string
	except []string
	errs   []error
}

// fork returns a copy that shares nothing with s that a step changes.
func (s *state) fork() *state {
	c := *s
	c.signer.keys = slices.Clone(s.signer.keys)
	c.extra, c.except, c.errs = slices.Clone(s.extra), slices.Clone(s.except), slices.Clone(s.errs)
	return &c
}

// Sign begins a signer for a domain, the d= tag of the signatures. The domain of From must be this domain,
// a subdomain of it, or a domain of which it is a subdomain, which is what DMARC calls aligned. A domain may
// be given as U-labels.
func Sign(domain string) Builder {
	return Builder{linear.New(), &state{signer: Signer{domain: domain, now: time.Now}}}
}

// Clone forks the configuration: both handles can be used, and neither sees the other's steps.
func (b Builder) Clone() Builder {
	var fork Builder
	b.handle.Look(func() { fork = Builder{linear.New(), b.state.fork()} })
	return fork
}

func (b Builder) step(change func(*state)) Builder {
	return Builder{b.handle.Step(func() { change(b.state) }), b.state}
}

func (s *state) fault(field, value string, err error) {
	s.errs = append(s.errs, &FieldError{Field: field, Value: value, Err: err})
}

// Key adds a key under the selector by which receivers find it in the DNS. key is an *rsa.PrivateKey of
// 2,048 bits or more, an ed25519.PrivateKey, or any crypto.Signer for such a key, as those of key
// management services are; it must be safe for concurrent use, and is asked once for each mail. Each further
// key adds a signature: one with RSA, which all receivers know, and one with Ed25519 go together well
// (RFC 8463 section 3).
func (b Builder) Key(selector string, key crypto.Signer) Builder {
	return b.step(func(s *state) { s.signer.keys = append(s.signer.keys, selected{selector, fixed{key}}) })
}

// KeyFile is Key with a key in a file, in a form that [ParseKey] reads. Build reads it, and Sign reads it
// again when the file has changed. Replace it by renaming another file to it: a file that cannot be read or
// parsed is an error of Sign, and then the mail is not sent.
func (b Builder) KeyFile(selector, path string) Builder {
	return b.step(func(s *state) {
		s.signer.keys = append(s.signer.keys, selected{selector, &file{path: path}})
	})
}

// Fields signs these fields as well, beside those that are signed anyway, when a mail has them.
func (b Builder) Fields(names ...string) Builder {
	return b.step(func(s *state) { s.extra = append(s.extra, names...) })
}

// Except leaves these fields unsigned, for relays that change them. From, List-Unsubscribe and
// List-Unsubscribe-Post cannot be left out. What the providers of transport/smtp change is known and
// needs no Except: see transport.SignatureRules.
func (b Builder) Except(names ...string) Builder {
	return b.step(func(s *state) { s.except = append(s.except, names...) })
}

// Canonicalization replaces relaxed for the header section and the body.
func (b Builder) Canonicalization(header, body Canonicalization) Builder {
	return b.step(func(s *state) {
		s.signer.header, s.signer.body = header, body
		if header > Simple || body > Simple {
			s.fault("Canonicalization", fmt.Sprintf("%d/%d", header, body), errors.New("use Relaxed or Simple"))
		}
	})
}

// Expires lets signatures end this long after they were made (the x= tag), at least a second. Without it
// they do not end. Mail may be under way for days.
func (b Builder) Expires(after time.Duration) Builder {
	return b.step(func(s *state) {
		s.signer.lifetime = after
		if after < time.Second {
			s.fault("Expires", after.String(), errors.New("must be a second or more"))
		}
	})
}

// Identity sets the i= tag: who in the domain stands by the mail, as "user@news.example.com", or as
// "@news.example.com" for the subdomain alone.
func (b Builder) Identity(identity string) Builder {
	return b.step(func(s *state) { s.signer.identity = identity })
}

// ThirdParty signs mail from other domains too. Such a signature does not count for DMARC.
func (b Builder) ThirdParty() Builder { return b.step(func(s *state) { s.signer.thirdParty = true }) }

// DangerousShortRSA allows RSA keys from 1,024 bits on. They can be broken, and then others sign for the
// domain.
func (b Builder) DangerousShortRSA() Builder {
	return b.step(func(s *state) { s.signer.shortRSA = true })
}

// Clock replaces time.Now for the time of the signatures.
func (b Builder) Clock(now func() time.Time) Builder {
	return b.step(func(s *state) {
		s.signer.now = now
		if now == nil {
			s.fault("Clock", "", errors.New("a function is needed"))
		}
	})
}

// Build checks the configuration and returns the signer. The error joins [FieldError]s.
func (b Builder) Build() (*Signer, error) {
	if err := b.handle.Finish(); err != nil {
		return nil, err
	}
	s := b.state
	s.checkDomain()
	s.checkKeys()
	s.chooseFields()
	if len(s.errs) > 0 {
		return nil, errors.Join(s.errs...)
	}
	return &s.signer, nil
}
