package dkim

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/maphash"
	"io"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/bodyscan"
	"github.com/depeche-mail/depeche/transport"
)

// ErrChanged is the error of WriteTo when a mail is not the one that was signed: a file that it is made of
// has changed. The mail was not sent; compose and sign it again.
var ErrChanged = errors.New("dkim: the mail has changed since it was signed")

// seed keys the hash by which a write is compared with what was signed. It is new in each process, so that
// nothing can be made to collide.
var seed = maphash.MakeSeed()

// reading is the first pass over a mail.
type reading struct {
	splitter
	ctx      context.Context
	choose   func([]field) (*Signer, error)
	signer   *Signer
	fields   []field
	body     body
	bodyHash hash.Hash
	all      maphash.Hash
}

// sign reads a mail, and signs it with the signer that choose finds for its fields; nil leaves the mail as
// it is.
func sign(ctx context.Context, mail transport.Mail, choose func([]field) (*Signer, error)) (transport.Mail, error) {
	r := &reading{ctx: ctx, choose: choose}
	r.all.SetSeed(seed)
	r.splitter.begin, r.splitter.body = r.begin, func(p []byte) { _, _ = r.body.Write(p) }
	_, err := transport.WithoutEnding(mail).WriteTo(r)
	if err == nil {
		err = r.close()
	}
	switch {
	case errors.Is(err, errUnsigned):
		return mail, nil
	case err != nil:
		return nil, fmt.Errorf("dkim: %w", err)
	}
	info := r.scan.Info()
	if info.BareNewline > 0 {
		return nil, fmt.Errorf("dkim: a bare CR or LF at octet %d, which receivers read in different ways; see transport.NormalizeNewlines", info.BareNewline-1)
	}
	r.body.end()
	fields, err := r.signer.fields(r.fields, r.bodyHash.Sum(nil))
	if err != nil {
		return nil, fmt.Errorf("dkim: %w", err)
	}
	return &signed{mail: mail, fields: fields, info: info, sum: r.all.Sum64()}, nil
}

// errUnsigned ends the reading of a mail that is not to be signed.
var errUnsigned = errors.New("no signer for this mail")

// Write takes the next octets of the mail.
func (r *reading) Write(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	_, _ = r.all.Write(p) // never fails
	return r.splitter.Write(p)
}

// begin is called once the header section is complete.
func (r *reading) begin() (err error) {
	if r.fields, err = parseHeader(r.header); err != nil {
		return err
	}
	if r.signer, err = r.choose(r.fields); err != nil {
		return err
	}
	if r.signer == nil {
		return errUnsigned
	}
	if err := r.signer.checkFrom(r.fields); err != nil {
		return err
	}
	r.bodyHash = sha256.New()
	r.body = body{to: r.bodyHash, form: r.signer.body}
	return nil
}

// signed is a mail with signatures.
type signed struct {
	mail   transport.Mail
	fields []byte // the signatures
	info   bodyscan.Info
	sum    uint64
}

func (s *signed) Envelope() envelope.Envelope { return s.mail.Envelope() }
func (s *signed) MessageID() string           { return transport.MessageID(s.mail) }
func (s *signed) MessageIDGiven() bool        { return transport.MessageIDGiven(s.mail) }
func (s *signed) Key() string                 { return transport.KeyOf(s.mail) }
func (s *signed) Fingerprint() string         { return transport.FingerprintOf(s.mail) }

// BodyInfo says what a server must be able to take.
func (s *signed) BodyInfo() (transport.BodyInfo, bool) {
	info := s.info
	info.Size += int64(len(s.fields))
	return info, true
}

// EnvelopeError passes on what the mail says.
func (s *signed) EnvelopeError() error {
	if m, ok := s.mail.(interface{ EnvelopeError() error }); ok {
		return m.EnvelopeError()
	}
	return nil
}

// WriteTo writes the signatures and the mail, and compares it with what was signed.
func (s *signed) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(s.fields)
	if err != nil {
		return int64(n), err
	}
	c := &comparing{to: w, left: s.info.Size}
	c.sum.SetSeed(seed)
	m, err := s.mail.WriteTo(c)
	if err == nil && (c.left != 0 || c.sum.Sum64() != s.sum) {
		err = ErrChanged
	}
	return int64(n) + m, err
}

// comparing hands octets on and keeps their sum. It takes no more octets than were signed.
type comparing struct {
	to   io.Writer
	left int64
	sum  maphash.Hash
}

func (c *comparing) Write(p []byte) (int, error) {
	if c.left -= int64(len(p)); c.left < 0 {
		return 0, ErrChanged
	}
	_, _ = c.sum.Write(p) // never fails
	return c.to.Write(p)
}
