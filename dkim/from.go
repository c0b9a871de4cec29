package dkim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/mail"
	"strings"
)

// addresses reads From. Names in charsets that Go does not know must not hinder it.
var addresses = mail.AddressParser{WordDecoder: &mime.WordDecoder{
	CharsetReader: func(_ string, text io.Reader) (io.Reader, error) { return text, nil },
}}

// fromDomains returns the domains of the authors, as A-labels in lower case.
func fromDomains(fields []field) ([]string, error) {
	from := values(fields, "From")
	if len(from) != 1 {
		return nil, fmt.Errorf("%d From fields; a mail has one (RFC 5322 section 3.6)", len(from))
	}
	list, err := addresses.ParseList(string(bytes.ReplaceAll(from[0], crlf, nil)))
	if err != nil {
		return nil, fmt.Errorf("the From field %q cannot be read: %w", short(bytes.TrimSpace(from[0])), err)
	}
	var domains []string
	for _, address := range list {
		domain, err := canonicalDomain(address.Address[strings.LastIndexByte(address.Address, '@')+1:])
		if err != nil {
			return nil, fmt.Errorf("the From field: %w", err)
		}
		domains = append(domains, domain)
	}
	if len(domains) == 0 {
		return nil, errors.New("the From field has no address")
	}
	return domains, nil
}

// checkFrom holds that the signature counts for the domain that is shown (RFC 7489 section 3.1.1). Whether
// two domains next to each other belong together is not known here, so that is not allowed.
func (s *Signer) checkFrom(fields []field) error {
	domains, err := fromDomains(fields)
	if err != nil || s.thirdParty {
		return err
	}
	for _, domain := range domains {
		if !within(domain, s.domain) && !within(s.domain, domain) {
			return fmt.Errorf("a From of %s is not aligned with the domain %s of the signature, so it would not count for DMARC; "+
				"sign with a key of %s, see ByDomain, or allow it by ThirdParty", domain, s.domain, domain)
		}
	}
	return nil
}
