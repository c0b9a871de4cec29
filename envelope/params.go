package envelope

import (
	"errors"
	"slices"
	"strings"
)

// The longest list of parameters: what RFC 5321 section 4.1.1.11 lets extensions add to a line is for them to say, and none
// of those that are known adds more.
const maxParams = 500

// ownParams are the parameters that other options write.
var ownParams = []string{
	"SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "REQUIRETLS", "AUTH", "BY", "MT-PRIORITY", "HOLDFOR", "HOLDUNTIL", "NOTIFY", "ORCPT",
}

var (
	errParams    = errors.New("want KEYWORD or KEYWORD=value, separated by single blanks, as in RFC 5321 section 4.1.2")
	errOwnParam  = errors.New("another option, or the transport itself, writes this parameter")
	errParamsFar = errors.New("want at most 500 octets")
)

// checkParams checks a list of parameters.
func checkParams(list string) error {
	if list == "" {
		return nil
	}
	if len(list) > maxParams {
		return errParamsFar
	}
	for param := range strings.SplitSeq(list, " ") {
		keyword, value, hasValue := strings.Cut(param, "=")
		switch {
		case !isParamKeyword(keyword) || hasValue && !isParamValue(value):
			return errParams
		case slices.Contains(ownParams, strings.ToUpper(keyword)):
			return errOwnParam
		}
	}
	return nil
}

// ParamKeywords returns the keywords of a list of parameters, such as [Options.MailParams], in upper case: the names of the
// extensions that a server must offer for them.
func ParamKeywords(list string) []string {
	if list == "" {
		return nil
	}
	keywords := strings.Split(list, " ")
	for i, param := range keywords {
		keyword, _, _ := strings.Cut(param, "=")
		keywords[i] = strings.ToUpper(keyword)
	}
	return keywords
}

// isParamKeyword reports whether s is an esmtp-keyword (RFC 5321 section 4.1.2).
func isParamKeyword(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c != '-' || i == 0) && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return s != ""
}

// isParamValue reports whether s is an esmtp-value (RFC 5321 section 4.1.2).
func isParamValue(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] == '=' {
			return false
		}
	}
	return s != ""
}
