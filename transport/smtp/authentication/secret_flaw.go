package authentication

import "strings"

// SecretFlaw says what looks wrong with the password or token, or "": what is left over from a file or from copying, such
// as a line end. It never tells the secret. Of credentials with a source, those that Resolve returned have one.
func (c Credentials) SecretFlaw() string {
	if c.IsZero() || c.id.hidden == nil {
		return ""
	}
	secret := *c.id.hidden
	switch trimmed := strings.TrimRight(secret, "\r\n"); {
	case strings.HasPrefix(secret, "\ufeff"):
		return "begins with a byte order mark"
	case strings.Count(secret, "\n") > 1 && len(trimmed) < len(secret):
		return "ends in more than one line end"
	case len(trimmed) < len(secret):
		return "ends in a line end"
	case strings.ContainsAny(secret, "\r\n"):
		return "has a line end in it"
	case strings.TrimSpace(secret) != secret:
		return "begins or ends with a blank"
	case len(secret) > 1 && strings.ContainsRune(`"'`, rune(secret[0])) && secret[len(secret)-1] == secret[0]:
		return "is in quotes"
	}
	return ""
}
