package transport

import "strings"

// HideAddresses returns text with "(address)" in the place of everything that looks like an email address, for
// logs that may not name people. Servers like to repeat addresses in their replies.
func HideAddresses(text string) string {
	if !strings.Contains(text, "@") {
		return text
	}
	var b strings.Builder
	for text != "" {
		at := strings.IndexByte(text, '@')
		if at < 0 {
			break
		}
		begin := startOfAddress(text[:at])
		end := at + endOfDomain(text[at+1:]) + 1
		b.WriteString(text[:begin])
		b.WriteString("(address)")
		text = text[end:]
	}
	b.WriteString(text)
	return b.String()
}

// startOfAddress returns where the address begins whose local part ends text: at a delimiter, or at the opening
// quote of a quoted string (RFC 5321 section 4.1.2).
func startOfAddress(text string) int {
	if strings.HasSuffix(text, `"`) {
		if i := strings.LastIndexByte(text[:len(text)-1], '"'); i >= 0 {
			return i
		}
	}
	return strings.LastIndexFunc(text, delimits) + 1
}

// delimits reports whether r cannot be part of an address without quotes.
func delimits(r rune) bool { return r <= ' ' || strings.ContainsRune(`<>()[],;:"\`, r) }

// endOfDomain returns how much of text is the domain that begins it: a name or an address literal.
func endOfDomain(text string) int {
	if strings.HasPrefix(text, "[") {
		if i := strings.IndexByte(text, ']'); i >= 0 {
			return i + 1
		}
	}
	if i := strings.IndexFunc(text, delimits); i >= 0 {
		return i
	}
	return len(text)
}
