package dkim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// maxVerified is how many signatures of a message are looked at.
const maxVerified = 16

// Verifier checks signatures. Its zero value asks the DNS. It is safe for concurrent use as long as its fields
// do not change.
type Verifier struct {
	// LookupTXT returns the texts of the TXT records of a name, as net.Resolver.LookupTXT does, which is used
	// when it is nil. Tests give the records of their keys.
	LookupTXT func(ctx context.Context, name string) ([]string, error)
	// Clock replaces time.Now.
	Clock func() time.Time
}

// Verify reads a message, such as a transport.Mail or a *bytes.Reader, with CRLF line ends, and returns what it
// finds of each signature, from the top. Whether one holds is in its Err. Verify itself fails when the
// message cannot be read or its header section is malformed, or has more than 10,000 fields or 4 MiB. It looks at
// 16 signatures, of at most 1,000 fields each, needs as much memory as the header section, and asks the DNS once
// for each signature.
//
// It is stricter than RFC 6376: rsa-sha1, keys of less than 1,024 bits, signatures with l= and those that do not sign
// every From field do not hold.
func (v *Verifier) Verify(ctx context.Context, message io.WriterTo) ([]*Verification, error) {
	var found []*Verification
	var fields []field
	var s splitter
	s.begin = func() (err error) {
		if fields, err = parseHeader(s.header); err != nil {
			return err
		}
		for _, f := range fields {
			if f.is(fieldName) && len(found) < maxVerified {
				found = append(found, parseVerification(f))
				found[len(found)-1].begin()
			}
		}
		return nil
	}
	s.body = func(p []byte) {
		for _, f := range found {
			if f.Err == nil {
				_, _ = f.own.Write(p) // never fails
			}
		}
	}
	_, err := message.WriteTo(&s)
	if err == nil {
		err = s.close()
	}
	if err != nil {
		return nil, fmt.Errorf("dkim: %w", err)
	}
	occur := map[string]int{}
	for _, f := range fields {
		occur[string(appendLower(nil, f.name()))]++
	}
	for _, f := range found {
		f.count(occur)
		f.check(ctx, fields, v)
	}
	return found, nil
}

func (v *Verifier) now() time.Time {
	if v.Clock != nil {
		return v.Clock()
	}
	return time.Now()
}

// record looks a key up. Several records of a name are an error, because it is not known which one counts.
func (v *Verifier) record(ctx context.Context, selector, domain string) (Record, error) {
	lookup := v.LookupTXT
	if lookup == nil {
		lookup = net.DefaultResolver.LookupTXT
	}
	name := RecordName(selector, domain)
	texts, err := lookup(ctx, name)
	switch {
	case err != nil:
		return Record{}, fmt.Errorf("%s: %w", name, err)
	case len(texts) == 0:
		return Record{}, fmt.Errorf("%s: there is no TXT record", name)
	case len(texts) > 1:
		return Record{}, fmt.Errorf("%s: there are %d TXT records; one is expected", name, len(texts))
	}
	record, err := ParseRecord(texts[0])
	if err != nil {
		return Record{}, fmt.Errorf("%s: %w", name, err)
	}
	return record, nil
}

// Published is a record and its place in the DNS.
type Published struct {
	Selector, Domain string
	Record           Record
}

// Records returns the records that must be in the DNS for the keys of the signer, in their order. It fails when
// a key file cannot be read.
func (s *Signer) Records() ([]Published, error) {
	var list []Published
	for _, k := range s.keys {
		key, err := k.source.key()
		if err != nil {
			return nil, fmt.Errorf("dkim: key %s: %w", k.selector, err)
		}
		record, err := NewRecord(key)
		if err != nil {
			return nil, fmt.Errorf("dkim: key %s: %w", k.selector, err)
		}
		list = append(list, Published{k.selector, s.domain, record})
	}
	return list, nil
}

// CheckPublished compares the keys of a signer with what is in the DNS, for programs to call before they use
// a new key. The error joins what is wrong with each of them, and is nil when receivers can check all.
func (v *Verifier) CheckPublished(ctx context.Context, signer *Signer) error {
	records, err := signer.Records()
	if err != nil {
		return err
	}
	var errs []error
	for _, own := range records {
		record, err := v.record(ctx, own.Selector, own.Domain)
		name := RecordName(own.Selector, own.Domain)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("dkim: %w: %w", ErrKey, err))
		case record.Key == nil:
			errs = append(errs, fmt.Errorf("dkim: %w: %s was revoked: its p= is empty", ErrKey, name))
		case !sameKey(record.Key, own.Record.Key):
			errs = append(errs, fmt.Errorf("dkim: %w: %s is another key; publish %q", ErrKey, name, own.Record))
		}
	}
	return errors.Join(errs...)
}
