package depeche

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
)

// Open returns the transport that a URL describes, without connecting:
//
//	smtps://user:password@host          a relay, TLS from the first octet
//	smtp+starttls://user:password@host  a relay, STARTTLS required
//	smtp://host, smtp+unix:///socket    a relay, no TLS
//	service://user:password@gmail       a provider by its name
//	lmtp://host, lmtp+unix:///socket    a delivery agent beside us; lmtps, lmtp+starttls with TLS
//	sendmail:                           the sendmail command of this machine, or sendmail:/path/of/another
//	file:folder                         each message becomes a file in the folder
//	maildir:folder, mbox:path           the same as mail programs read it
//	stub:, discard:, log:               messages go nowhere: recorded in memory, dropped, or written as log records
//	failover(smtps://a smtps://b)       the first that works
//	roundrobin(smtps://a smtps://b)     each in turn
//
// docs/urls.md has the grammar and the keys. Errors are [envelope.FieldError]s and never show the password.
func Open(text string) (*Sender, error) {
	u, err := ParseURL(text)
	if err != nil {
		return nil, err
	}
	return u.Open()
}

// The variables that [URLFromEnv] reads.
const (
	EnvURL          = "MAIL_URL"
	EnvPasswordFile = "MAIL_PASSWORD_FILE"
)

// URLFromEnv reads the URL in the environment variable MAIL_URL. If MAIL_PASSWORD_FILE is set, it names
// the file that holds the password of the user in the URL, such as a mounted secret. It is an
// error then when each user of the URL has a password already, or there is no user. A line end at the end of the
// file is not part of the password.
func URLFromEnv() (URL, error) {
	text := os.Getenv(EnvURL)
	if text == "" {
		return URL{}, &envelope.FieldError{Field: EnvURL, Err: errors.New("is not set")}
	}
	u, err := ParseURL(text)
	if err != nil {
		return URL{}, fmt.Errorf("%s: %w", EnvURL, err)
	}
	if path := os.Getenv(EnvPasswordFile); path != "" {
		var ok bool
		if u, ok = u.WithPasswordFile(path); !ok {
			return URL{}, &envelope.FieldError{Field: EnvPasswordFile, Err: errors.New("no user in " + EnvURL + " lacks a password")}
		}
	}
	return u, nil
}

// OpenEnv opens the transport that [URLFromEnv] describes.
func OpenEnv() (*Sender, error) {
	u, err := URLFromEnv()
	if err != nil {
		return nil, err
	}
	t, err := u.Open()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", EnvURL, err)
	}
	return t, nil
}

// Send opens the transport that a URL describes, sends one mail and closes it. If MAIL_PASSWORD_FILE is set and a user
// of the URL has no password, it is read from that file. For more than one mail keep the transport that [Open] returns:
// opening a connection costs several times what a message does. The Result is nil only when the URL is unusable.
func Send(ctx context.Context, url string, mail transport.Mail) (*transport.Result, error) {
	u, err := ParseURL(url)
	if err != nil {
		return nil, err
	}
	if path := os.Getenv(EnvPasswordFile); path != "" {
		u, _ = u.WithPasswordFile(path) // a URL that is complete needs no file
	}
	t, err := u.open()
	if err != nil {
		return nil, err
	}
	if relay, ok := t.(*smtp.Transport); ok {
		return relay.SendLast(ctx, mail)
	}
	result, err := t.Send(ctx, mail)
	_ = transport.Shutdown(ctx, t) // the mail's fate is known; a lost goodbye does not change it
	return result, err
}
