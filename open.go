package depeche

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/file"
	"github.com/depeche-mail/depeche/transport/sendmail"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/stub"
)

// Open returns the transport that a URL describes, without connecting:
//
//	smtps://user:password@host          a relay, TLS from the first octet
//	smtp+starttls://user:password@host  a relay, STARTTLS required
//	smtp://host                         a relay, no TLS
//	sendmail:                           the sendmail command of this machine, or sendmail:/path/of/another
//	file:folder                         each message becomes a file in the folder
//	stub:                               messages are recorded in memory and go nowhere
//
// [smtp.FromURL] describes the keys of the relays. Close what Open returns with [transport.Shutdown]
// or [transport.Close]. Errors are [envelope.FieldError]s and never show the password.
func Open(text string) (transport.Transport, error) {
	scheme, rest, ok := strings.Cut(text, ":")
	if !ok {
		return nil, &envelope.FieldError{Field: "URL", Err: errors.New("want a scheme, such as smtps, in front of the first colon")}
	}
	switch scheme {
	case "stub":
		if rest != "" {
			return nil, &envelope.FieldError{Field: "URL", Value: text, Err: errors.New("nothing may follow the scheme stub")}
		}
		return stub.New(), nil
	case "file", "sendmail":
		path, err := url.PathUnescape(strings.TrimPrefix(rest, "//"))
		switch {
		case err != nil:
			return nil, &envelope.FieldError{Field: "URL", Value: text, Err: err}
		case scheme == "file":
			return file.New(path)
		case path == "":
			return sendmail.New()
		}
		return sendmail.Command(path), nil
	}
	return smtp.FromURL(text).Build()
}

// Send opens the transport that a URL describes, sends one mail and closes it. For more than one mail
// keep the transport that [Open] returns: opening a connection costs several times what a message
// does. The Result is nil only when the URL is unusable.
func Send(ctx context.Context, url string, mail transport.Mail) (*transport.Result, error) {
	t, err := Open(url)
	if err != nil {
		return nil, err
	}
	result, err := t.Send(ctx, mail)
	_ = transport.Shutdown(ctx, t) // the mail's fate is known; a lost goodbye does not change it
	return result, err
}
