package smtptest

import (
	"errors"
	"strings"
)

var (
	errPath  = errors.New("want an address in angle brackets")
	errParam = errors.New("malformed or repeated parameter")
)

// readPath reads what follows "FROM:" or "TO:": a path in angle brackets and parameters.
// An angle bracket or a blank inside a quoted local part belongs to it, RFC 5321 section 4.1.2.
func readPath(text string) (Path, error) {
	if !strings.HasPrefix(text, "<") {
		return Path{}, errPath
	}
	end, quoted := -1, false
	for i := 1; i < len(text) && end < 0; i++ {
		switch c := text[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '>':
			end = i
		case c <= ' ' || c == '<' || c == 0x7f:
			return Path{}, errPath
		}
	}
	if end < 0 {
		return Path{}, errPath
	}
	path := Path{Address: text[1:end], Params: map[string]string{}}
	// A source route is read and forgotten, RFC 5321 appendix C.
	if route, rest, ok := strings.Cut(path.Address, ":"); ok && strings.HasPrefix(route, "@") {
		path.Address = rest
	}
	if !plausible(path.Address) {
		return Path{}, errPath
	}
	return path, path.readParams(text[end+1:])
}

// plausible refuses what cannot be an address: the null sender, or a local part and a domain. A name without a
// domain passes, for postmaster (RFC 5321 section 4.1.1.3) and LMTP.
func plausible(address string) bool {
	at := strings.LastIndexByte(address, '@')
	return at != 0 && (at < 0 || at < len(address)-1)
}

func (p *Path) readParams(text string) error {
	if text != "" && text[0] != ' ' {
		return errPath
	}
	for word := range strings.FieldsSeq(text) {
		keyword, value, has := strings.Cut(word, "=")
		keyword = strings.ToUpper(keyword)
		_, twice := p.Params[keyword]
		if keyword == "" || twice || has && value == "" {
			return errParam
		}
		p.Params[keyword] = value
	}
	return nil
}

// needs are the extensions that a parameter belongs to.
var needs = map[string]map[string]string{
	Mail: {
		"SIZE": "SIZE", "BODY": "8BITMIME", "SMTPUTF8": "SMTPUTF8", "RET": "DSN", "ENVID": "DSN",
		"REQUIRETLS": "REQUIRETLS", "HOLDFOR": "FUTURERELEASE", "HOLDUNTIL": "FUTURERELEASE",
		"BY": "DELIVERBY", "MT-PRIORITY": "MT-PRIORITY", "AUTH": "AUTH",
	},
	Rcpt: {"NOTIFY": "DSN", "ORCPT": "DSN", "RRVS": "RRVS"},
}

// unoffered returns the first parameter whose extension the server did not offer, "" for none.
func (s *session) unoffered(verb string, path Path) string {
	for keyword, value := range path.Params {
		extension := needs[verb][keyword]
		if keyword == "BODY" && strings.EqualFold(value, "BINARYMIME") {
			extension = "BINARYMIME"
		}
		if _, ok := s.offered[extension]; !ok {
			return keyword
		}
	}
	return ""
}
