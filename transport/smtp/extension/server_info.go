package extension

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/transport/smtp/response"
)

// maxLines limits an EHLO reply.
const maxLines = 128

// ServerInfo is what a server says of itself in its EHLO or LHLO reply. The zero value is a server
// that offers nothing. A ServerInfo is immutable and cheap to copy.
type ServerInfo struct {
	name     string
	keywords map[Keyword]string // parameters as given; of a repeated keyword joined by spaces
	values   *values            // nil where nothing is offered
}

// Parse reads the lines of an EHLO reply. Keywords are matched in any case (RFC 5321 section 2.4),
// empty lines, stray blanks and keywords that are not ASCII are ignored, and the first line is the
// server's name, never a keyword. The error is a *response.ProtocolError for more lines than any server
// needs.
func Parse(lines []string) (ServerInfo, error) {
	if len(lines) > maxLines {
		return ServerInfo{}, &response.ProtocolError{Reason: fmt.Sprintf("EHLO reply of %d lines, at most %d", len(lines), maxLines)}
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
		name, params := upper(fields[0]), fields[1:]
		if old, isOld := strings.CutPrefix(name, "AUTH="); isOld { // the form before RFC 2554
			name, params = string(Auth), append([]string{old}, params...)
		}
		if !isKeyword(name) {
			continue
		}
		keyword := Keyword(name)
		info.keywords[keyword] = strings.TrimSpace(info.keywords[keyword] + " " + strings.Join(params, " "))
	}
	return info.normalize(), nil
}

// normalize takes away what cannot be used without what is missing, for only BDAT can carry binary content
// (RFC 3030 section 3), and reads the values that are asked for with every message.
func (s ServerInfo) normalize() ServerInfo {
	if !s.Has(Chunking) {
		delete(s.keywords, BinaryMIME)
	}
	s.values = readValues(s.keywords)
	return s
}

// Name is the domain the server calls itself, "" when it gave none.
func (s ServerInfo) Name() string { return s.name }

// Has reports whether the server offers an extension. BINARYMIME counts only together with CHUNKING.
func (s ServerInfo) Has(k Keyword) bool {
	_, ok := s.keywords[k]
	return ok
}

// Param returns the parameters after a keyword, separated by single spaces.
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

// Without returns the info as if the server did not offer the keywords: the way around a server
// whose extension does not work.
func (s ServerInfo) Without(keywords ...Keyword) ServerInfo {
	s.keywords = maps.Clone(s.keywords)
	for _, k := range keywords {
		delete(s.keywords, Keyword(upper(string(k))))
	}
	return s.normalize()
}
