package dkim

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/ascii"
)

// longestLocal is the limit of what stands before the @ of an address (RFC 5321 section 4.5.3.1.1), which also keeps the
// lines of a signature short enough.
const longestLocal = 64

// checkDomain brings the domain and the identity into the form of the tags.
func (s *state) checkDomain() {
	domain, err := canonicalDomain(s.signer.domain)
	if err != nil {
		s.fault("Domain", s.signer.domain, err)
		return
	}
	s.signer.domain = domain
	if s.signer.identity == "" {
		return
	}
	at := strings.LastIndexByte(s.signer.identity, '@')
	local, host := s.signer.identity[:max(at, 0)], s.signer.identity[at+1:]
	host, err = canonicalDomain(host)
	switch {
	case at < 0:
		err = errors.New(`this is not an address; use "user@domain" or "@domain"`)
	case err == nil && !within(host, domain):
		err = fmt.Errorf("must be in %s or in a subdomain of it (RFC 6376 section 3.5)", domain)
	case strings.ContainsFunc(local, func(r rune) bool { return r <= ' ' || r > '~' || r == ';' || r == '=' }):
		err = errors.New("the part before @ may hold printable ASCII without space, ; and =")
	case len(local) > longestLocal:
		err = fmt.Errorf("the part before @ may have %d octets (RFC 5321 section 4.5.3.1.1)", longestLocal)
	}
	if err != nil {
		s.fault("Identity", s.signer.identity, err)
		return
	}
	s.signer.identity = local + "@" + host
}

// canonicalDomain returns a domain as A-labels in lower case.
func canonicalDomain(domain string) (string, error) {
	address, err := envelope.NewAddress("x", domain)
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(address.Domain(), "[") {
		return "", errors.New("an IP address; a domain is needed, because its DNS holds the key")
	}
	return address.Domain(), nil
}

// within reports whether a domain is another one or a subdomain of it.
func within(domain, parent string) bool {
	return domain == parent || strings.HasSuffix(domain, "."+parent)
}

// checkKeys looks at each key.
func (s *state) checkKeys() {
	keys := s.signer.keys
	if len(keys) == 0 {
		s.fault("Key", "", errors.New("a key is needed"))
	}
	for i := range keys {
		k := &keys[i]
		selector, err := canonicalSelector(k.selector, s.signer.domain)
		if err == nil && slices.ContainsFunc(keys[:i], func(other selected) bool { return other.selector == selector }) {
			err = errors.New("the selector is in use for another key")
		}
		if err != nil {
			s.errs = append(s.errs, &FieldError{Field: "Key", Index: i, Value: k.selector, Err: err})
			continue
		}
		k.selector = selector
		if f, ok := k.source.(fixed); ok && f.signer == nil {
			s.errs = append(s.errs, &FieldError{Field: "Key", Index: i, Value: selector, Err: errors.New("the key is nil")})
			continue
		}
		key, err := k.source.key()
		if err == nil {
			_, err = s.signer.algorithm(key)
		}
		if err != nil {
			s.errs = append(s.errs, &FieldError{Field: "Key", Index: i, Value: selector, Err: err})
		}
	}
}

// canonicalSelector returns a selector in lower case. An underscore, which RFC 6376 section 3.1 does not
// have, is in use.
func canonicalSelector(selector, domain string) (string, error) {
	if selector == "" {
		return "", errors.New("a selector is needed")
	}
	const limit = 253 // of a name in the DNS
	name, err := canonicalDomain(strings.ReplaceAll(selector, "_", "x"))
	switch {
	case err != nil:
		return "", fmt.Errorf("not a name for the DNS: %w", err)
	case len(RecordName(name, domain)) > limit:
		return "", fmt.Errorf("the name of its record is longer than %d octets", limit)
	case strings.Contains(selector, "_") && !ascii.Only(selector):
		return "", errors.New("a selector with an underscore may hold ASCII only: write other letters as xn--")
	case strings.Contains(selector, "_"):
		name = strings.ToLower(selector)
	}
	return name, nil
}

// chooseFields makes the lists of fields.
func (s *state) chooseFields() {
	for i, name := range s.extra {
		if err := checkExtra(name); err != nil {
			s.errs = append(s.errs, &FieldError{Field: "Fields", Index: i, Value: name, Err: err})
		}
	}
	for i, name := range s.except {
		if err := checkExcept(name); err != nil {
			s.errs = append(s.errs, &FieldError{Field: "Except", Index: i, Value: name, Err: err})
		}
	}
	s.signer.guarded = without(guarded, s.except)
	s.signer.present = append(without(present, s.except), s.extra...)
}

// without returns the names of list that are not in the other one.
func without(list, names []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(name string) bool { return listed(names, name) })
}
