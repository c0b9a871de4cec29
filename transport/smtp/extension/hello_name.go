package extension

import (
	"errors"
	"net/netip"
	"strings"
)

// HelloName is what a client calls itself in EHLO: a domain or an address literal. Its zero value is
// "not chosen".
type HelloName struct{ text string }

// ParseHelloName returns the HelloName of a host name or an IP address, with or without the brackets
// of a literal.
func ParseHelloName(s string) (HelloName, error) {
	bare := s
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		bare = s[1 : len(s)-1]
	}
	if len(bare) > 5 && strings.EqualFold(bare[:5], "IPv6:") {
		bare = bare[5:]
	}
	if ip, err := netip.ParseAddr(bare); err == nil && ip.Zone() == "" {
		return LiteralHelloName(ip), nil
	}
	if len(s) > 255 {
		return HelloName{}, errors.New("host name longer than 255 octets")
	}
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(label) {
			return HelloName{}, errors.New("want a host name or an IP address, without a port")
		}
	}
	return HelloName{s}, nil
}

// DefaultHelloName returns the name of a client that chose none: the host's name when it is qualified,
// else the address literal of the connection's local end, which RFC 5321 section 4.1.4 asks for. A
// connection without IP address, such as a Unix socket, gives the literal of the loopback address.
func DefaultHelloName(hostname string, local netip.Addr) HelloName {
	name := strings.TrimSuffix(hostname, ".")
	switch {
	case IsQualified(name):
		return HelloName{name}
	case local.IsValid():
		return LiteralHelloName(local)
	}
	return LiteralHelloName(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
}

// LiteralHelloName returns the address literal of ip (RFC 5321 section 4.1.3), the zero HelloName when ip
// is not valid.
func LiteralHelloName(ip netip.Addr) HelloName {
	if !ip.IsValid() {
		return HelloName{}
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return HelloName{"[" + ip.String() + "]"}
	}
	return HelloName{"[IPv6:" + ip.String() + "]"}
}

// IsZero reports whether no name was chosen.
func (c HelloName) IsZero() bool { return c == HelloName{} }

// String returns the argument of EHLO.
func (c HelloName) String() string { return c.text }

// IsQualified reports whether s is a host name of at least two labels, which is what a server
// expects to see (RFC 5321 section 2.3.5), and not one that only the host itself knows.
func IsQualified(s string) bool {
	dot := strings.LastIndexByte(s, '.')
	if dot < 0 {
		return false
	}
	top := upper(s[dot+1:])
	if top == "LOCALDOMAIN" || top == "LOCAL" || strings.Trim(top, "0123456789") == "" {
		return false
	}
	id, err := ParseHelloName(s)
	return err == nil && id.text == s && s[0] != '['
}

func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c != '-' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
