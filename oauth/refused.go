package oauth

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/depeche-mail/depeche/internal/printable"
	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"golang.org/x/oauth2"
)

// RefusedError says that the authorization server gave no token.
type RefusedError struct {
	TokenURL string
	Reason   string // a code of RFC 6749 section 5.2 such as "invalid_grant", or the status of HTTP such as "503 Service Unavailable"
}

// Error tells the server and the reason.
func (e *RefusedError) Error() string { return e.TokenURL + " refused a token: " + e.Reason }

// hide shortens the error of a server to what it says of the request. The body of its answer may hold anything, the secrets of
// the request among it.
func (c Config) hide(err error, secrets ...string) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return &requestError{text: shown(err.Error(), secrets), err: err}
	}
	text := refused.ErrorCode
	if !isCode(text) {
		text = "no status"
		if refused.Response != nil {
			n := refused.Response.StatusCode
			text = strings.TrimSpace(strconv.Itoa(n) + " " + http.StatusText(n))
		}
	}
	return &RefusedError{TokenURL: c.TokenURL, Reason: authentication.Redact(text, secrets...)}
}

// isCode reports whether a text may be the code of an error: NQSCHAR of RFC 6749 appendix A.7, and short.
func isCode(text string) bool {
	const longest = 64
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return text != "" && len(text) <= longest
}

// requestError is an error of a request that was not answered as it should be. Such errors quote headers of the answer.
type requestError struct {
	text string
	err  error
}

func (e *requestError) Error() string { return e.text }

func (e *requestError) Unwrap() error { return e.err }

func shown(text string, secrets []string) string {
	const longest = 512
	text = authentication.Redact(text, secrets...)
	if len(text) > longest {
		text = text[:longest] + "..."
	}
	return printable.Text(text)
}
