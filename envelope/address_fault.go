package envelope

import "strings"

// AddressFault is a stable code for what is wrong with an address, which programs translate for the forms that people
// fill in. Its String is for developers; [ParseError.Words] has English for people.
type AddressFault string

// The faults of addresses.
const (
	AddressEmpty        AddressFault = "empty"
	AddressBlankBefore  AddressFault = "blank-before"   // a blank in front
	AddressBlankAfter   AddressFault = "blank-after"    // a blank at the end
	AddressBlankInside  AddressFault = "blank-inside"   // a blank in the middle
	AddressSeparator    AddressFault = "separator"      // a comma or semicolon before or after it
	AddressUnseen       AddressFault = "unseen"         // a character that people can't see, such as one of the clipboard
	AddressSeveral      AddressFault = "several"        // two addresses where one is wanted
	AddressWithName     AddressFault = "with-name"      // a name with an address
	AddressNoAt         AddressFault = "no-at"          // no @
	AddressManyAts      AddressFault = "many-ats"       // more than one @
	AddressNoLocalPart  AddressFault = "no-local-part"  // nothing before the @
	AddressNoDomain     AddressFault = "no-domain"      // nothing after the @
	AddressBadLocalPart AddressFault = "bad-local-part" // a character that may not be there, or a quote without an end
	AddressBadDomain    AddressFault = "bad-domain"     // not a domain name or address literal
	AddressTooLong      AddressFault = "too-long"       // longer than RFC 5321 section 4.5.3.1 allows
	AddressNotAnAddress AddressFault = "not-an-address" // anything else
)

// addressWords say a fault in words that a form can show.
var addressWords = map[AddressFault]string{
	AddressEmpty:        "nothing was entered",
	AddressBlankBefore:  "there is a blank before the address",
	AddressBlankAfter:   "there is a blank after the address",
	AddressBlankInside:  "there is a blank in the address",
	AddressSeparator:    "there is a comma or a semicolon beside the address",
	AddressUnseen:       "there is a character in the address that people can't see: type it by hand",
	AddressSeveral:      "these are two addresses where one is wanted",
	AddressWithName:     "this is a name with an address: enter the address alone, or use ParseMailbox in a program",
	AddressNoAt:         "there is no @ in the address",
	AddressManyAts:      "there is more than one @ in the address",
	AddressNoLocalPart:  "there is nothing before the @",
	AddressNoDomain:     "there is nothing after the @",
	AddressBadLocalPart: "a character before the @ is not allowed there",
	AddressBadDomain:    "what follows the @ is not a domain name",
	AddressTooLong:      "the address is too long",
	AddressNotAnAddress: "this is not an email address",
}

// Fault returns the code for what is wrong.
func (e *ParseError) Fault() AddressFault {
	text := e.Input
	trimmed := strings.TrimSpace(text)
	switch {
	case trimmed == "":
		return AddressEmpty
	case strings.ContainsAny(text, ",;") && strings.Count(text, "@") > 1:
		return AddressSeveral
	case strings.Trim(trimmed, ",;") != trimmed:
		return AddressSeparator
	case strings.Contains(text, "<") && strings.Contains(text, "@") && strings.HasSuffix(trimmed, ">"):
		return AddressWithName
	case !strings.HasPrefix(text, trimmed):
		return AddressBlankBefore
	case trimmed != text:
		return AddressBlankAfter
	}
	return e.inside(text)
}

// inside is Fault for an input without blanks around it.
func (e *ParseError) inside(text string) AddressFault {
	quoted := strings.HasPrefix(text, `"`)
	switch at := strings.LastIndexByte(text, '@'); {
	case strings.Contains(e.Reason, "longer than"):
		return AddressTooLong
	case at < 0 && !strings.Contains(e.Reason, "domain"):
		return AddressNoAt
	case at == 0:
		return AddressNoLocalPart
	case at == len(text)-1:
		return AddressNoDomain
	case !quoted && strings.ContainsAny(text, " \t\u00a0"):
		if strings.Count(text, "@") > 1 {
			return AddressSeveral
		}
		return AddressBlankInside
	case !quoted && strings.Count(text, "@") > 1:
		return AddressManyAts
	case strings.Contains(e.Reason, "can't see"), strings.Contains(e.Reason, "joins nothing"):
		return AddressUnseen
	case strings.Contains(e.Reason, "local part"), strings.Contains(e.Reason, "expected @"), strings.Contains(e.Reason, "escape"):
		return AddressBadLocalPart
	case strings.Contains(e.Reason, "domain"), strings.Contains(e.Reason, "literal"), at >= 0 && e.Offset > at:
		return AddressBadDomain
	}
	return AddressNotAnAddress
}

// Words says what is wrong in English that a form can show. It quotes nothing of the input.
func (e *ParseError) Words() string { return addressWords[e.Fault()] }
