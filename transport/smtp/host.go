package smtp

import (
	"errors"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// hostNames converts a host name to what DNS is asked for (RFC 5891 section 5), as browsers do: mapped to lower case and the
// usual width. Underscores, which names in private networks have, are allowed.
var hostNames = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.Transitional(false), idna.StrictDomainName(false))

var (
	errHost     = errors.New("want a host name or an IP address")
	errHostPort = errors.New("want a host name or an IP address without a port: that is set by Port, or follows the host in a URL")
	errHostURL  = errors.New("want a host name or an IP address: FromURL takes a URL")
)

const (
	longestHost  = 253 // RFC 1035 section 2.3.4, as text without the final dot
	longestLabel = 63
)

// parseHost returns the host that is dialed. It is not held to the grammar of EHLO: a name may have a final dot (it is not
// completed by a search domain), underscores and Unicode, and an IPv6 address a zone.
func parseHost(s string) (string, error) {
	if bare, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(bare, "]") {
		s = bare[:len(bare)-1]
		if _, err := netip.ParseAddr(s); err != nil {
			return "", errHost
		}
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return s, nil
	}
	if strings.Contains(s, "://") {
		return "", errHostURL
	}
	if i := strings.LastIndexByte(s, ':'); i > 0 && strings.Trim(s[i+1:], "0123456789") == "" {
		if _, err := parseHost(s[:i]); err == nil {
			return "", errHostPort
		}
	}
	if len(s) > 4*longestHost { // before any work that grows with the input
		return "", errHost
	}
	name, err := hostNames.ToASCII(s)
	if err != nil || len(strings.TrimSuffix(name, ".")) > longestHost {
		return "", errHost
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if !isHostLabel(label) {
			return "", errHost
		}
	}
	return name, nil
}

func isHostLabel(s string) bool {
	if s == "" || len(s) > longestLabel || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c != '-' && c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
