package envelope_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
)

// TestAddressFaults: what people enter into forms has a stable code and words that say what to change.
func TestAddressFaults(t *testing.T) {
	for input, want := range map[string]struct {
		fault envelope.AddressFault
		words string
	}{
		"":                                       {envelope.AddressEmpty, "nothing"},
		"  ":                                     {envelope.AddressEmpty, "nothing"},
		" joe@example.org":                       {envelope.AddressBlankBefore, "blank before"},
		"joe@example.org ":                       {envelope.AddressBlankAfter, "after"},
		"joe smith@example.org":                  {envelope.AddressBlankInside, "a blank in"},
		"joe@example.org, jane@example.org":      {envelope.AddressSeveral, "two addresses"},
		"joe@example.org jane@example.org":       {envelope.AddressSeveral, "two addresses"},
		"joe@example.org;jane@example.org":       {envelope.AddressSeveral, "two addresses"},
		"joe@example.org;":                       {envelope.AddressSeparator, "semicolon"},
		"joe@example.org, ":                      {envelope.AddressSeparator, "comma"},
		",joe@example.org":                       {envelope.AddressSeparator, "comma"},
		"joe\u200b@example.org":                  {envelope.AddressUnseen, "can't see"},
		"\ufeffjoe@example.org":                  {envelope.AddressUnseen, "can't see"},
		"joe@example.org\u200b":                  {envelope.AddressUnseen, "can't see"},
		"joe@exa\u00admple.org":                  {envelope.AddressUnseen, "can't see"},
		"joe@\u202eexample.org":                  {envelope.AddressUnseen, "can't see"},
		"Joe <joe@example.org>":                  {envelope.AddressWithName, "ParseMailbox"},
		"<joe@example.org>":                      {envelope.AddressWithName, "alone"},
		"joe":                                    {envelope.AddressNoAt, "no @"},
		"<postmaster> ":                          {envelope.AddressBlankAfter, "after"},
		"Joe <joe>":                              {envelope.AddressNoAt, "no @"},
		"joe.example.org":                        {envelope.AddressNoAt, "no @"},
		"@example.org":                           {envelope.AddressNoLocalPart, "before the @"},
		"joe@":                                   {envelope.AddressNoDomain, "after the @"},
		"joe@@example.org":                       {envelope.AddressManyAts, "more than one @"},
		"joe@work@example.org":                   {envelope.AddressManyAts, "more than one @"},
		"joe..smith@example.org":                 {envelope.AddressBadLocalPart, "before the @"},
		`"joe@example.org`:                       {envelope.AddressBadLocalPart, "before the @"},
		"joe@exa/mple.org":                       {envelope.AddressBadDomain, "domain"},
		"joe@example..org":                       {envelope.AddressBadDomain, "domain"},
		"joe@-example.org":                       {envelope.AddressBadDomain, "domain"},
		"joe@[192.0.2.999]":                      {envelope.AddressBadDomain, "domain"},
		strings.Repeat("x", 65) + "@example.org": {envelope.AddressTooLong, "too long"},
	} {
		_, err := envelope.ParseAddress(input)
		fault, ok := errors.AsType[*envelope.ParseError](err)
		if !ok {
			t.Errorf("%q: %v", input, err)
			continue
		}
		if fault.Fault() != want.fault || !strings.Contains(fault.Words(), want.words) {
			t.Errorf("%q: %s, %q; want %s, %q (%s at %d)", input, fault.Fault(), fault.Words(), want.fault, want.words, fault.Reason, fault.Offset)
		}
		if !strings.Contains(err.Error(), fault.Words()) {
			t.Errorf("%v does not say %q", err, fault.Words())
		}
	}
}
