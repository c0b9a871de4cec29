package extension

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Keyword names an extension in an EHLO reply, in upper case.
type Keyword string

// Keywords of the extensions that a client can make use of.
const (
	Auth                Keyword = "AUTH"                // RFC 4954
	BinaryMIME          Keyword = "BINARYMIME"          // RFC 3030
	Chunking            Keyword = "CHUNKING"            // RFC 3030
	DeliverBy           Keyword = "DELIVERBY"           // RFC 2852
	DSN                 Keyword = "DSN"                 // RFC 3461
	EightBitMIME        Keyword = "8BITMIME"            // RFC 6152
	EnhancedStatusCodes Keyword = "ENHANCEDSTATUSCODES" // RFC 2034
	FutureRelease       Keyword = "FUTURERELEASE"       // RFC 4865
	Limits              Keyword = "LIMITS"              // RFC 9422
	MTPriority          Keyword = "MT-PRIORITY"         // RFC 6710
	Pipelining          Keyword = "PIPELINING"          // RFC 2920
	RequireTLS          Keyword = "REQUIRETLS"          // RFC 8689
	Size                Keyword = "SIZE"                // RFC 1870
	SMTPUTF8            Keyword = "SMTPUTF8"            // RFC 6531
	StartTLS            Keyword = "STARTTLS"            // RFC 3207
)

// maxLines limits an EHLO reply.
const maxLines = 128

// ServerInfo is what a server says of itself in its EHLO or LHLO reply. The zero value is a server
// that offers nothing. A ServerInfo is immutable.
type ServerInfo struct {
	name     string
	keywords map[Keyword]string // parameters as given; of a repeated keyword joined by spaces
}

// Parse reads the lines of an EHLO reply. Keywords are matched in any case (RFC 5321 section 2.4),
// empty lines and stray blanks are ignored, and the first line is the server's name, never a
// keyword.
func Parse(lines []string) (ServerInfo, error) {
	if len(lines) > maxLines {
		return ServerInfo{}, fmt.Errorf("EHLO reply of %d lines, at most %d", len(lines), maxLines)
	}
	info := ServerInfo{keywords: map[Keyword]string{}}
	for i, line := range lines {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
			continue
		case i == 0:
			info.name = fields[0]
			continue
		}
		name, params := strings.ToUpper(fields[0]), fields[1:]
		if old, isOld := strings.CutPrefix(name, "AUTH="); isOld { // the form before RFC 2554
			name, params = string(Auth), append([]string{old}, params...)
		}
		keyword := Keyword(name)
		info.keywords[keyword] = strings.TrimSpace(info.keywords[keyword] + " " + strings.Join(params, " "))
	}
	return info, nil
}

// Name is the domain the server calls itself, "" when it gave none.
func (s ServerInfo) Name() string { return s.name }

// Has reports whether the server offers an extension.
func (s ServerInfo) Has(k Keyword) bool {
	_, ok := s.keywords[k]
	return ok
}

// Param returns the parameters behind a keyword, separated by single spaces.
func (s ServerInfo) Param(k Keyword) string { return s.keywords[k] }

// Keywords returns the offered keywords in alphabetical order.
func (s ServerInfo) Keywords() []Keyword {
	list := make([]Keyword, 0, len(s.keywords))
	for k := range s.keywords {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// SizeLimit returns the largest message in octets that the server takes, 0 when there is no limit
// or it is unknown (RFC 1870 section 3).
func (s ServerInfo) SizeLimit() int64 {
	n, err := strconv.ParseInt(s.keywords[Size], 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// Mechanisms returns the names of the SASL mechanisms behind AUTH, in upper case.
func (s ServerInfo) Mechanisms() []string {
	var list []string
	for _, name := range strings.Fields(strings.ToUpper(s.keywords[Auth])) {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// Without returns the info as if the server did not offer the keywords: the way around a server
// whose extension does not work.
func (s ServerInfo) Without(keywords ...Keyword) ServerInfo {
	kept := make(map[Keyword]string, len(s.keywords))
	for k, params := range s.keywords {
		if !slices.Contains(keywords, Keyword(strings.ToUpper(string(k)))) {
			kept[k] = params
		}
	}
	s.keywords = kept
	return s
}
