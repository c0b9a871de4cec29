package depeche

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/keys"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/sendmail"
	"github.com/depeche-mail/depeche/transport/smtp"
)

const schemeSendmail = "sendmail"

// The keys of a sendmail command.
const (
	keyArgs = "args"
	keyEnv  = "env"
	keyKind = "kind"
)

// command is the form of a sendmail command.
type command struct {
	local

	config sendmail.Config
	keys   keys.List
}

func readCommand(scheme, rest string) (form, error) {
	rest, query, _ := strings.Cut(rest, "?")
	path, err := readPath(rest)
	if err != nil || strings.Contains(query, "#") {
		return nil, fault(scheme, errPath)
	}
	list, wrong := keys.Parse(query, []string{keyArgs, keyEnv, keyKind})
	var faults []error
	for _, f := range wrong {
		faults = append(faults, fault(f.Name, f.Err))
	}
	c := command{config: sendmail.Config{Path: path}, keys: list}
	for _, key := range list {
		if err := c.read(key); err != nil {
			faults = append(faults, fault(key.Name, err))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return c, nil
}

func (c *command) read(key keys.Key) (err error) {
	switch key.Name {
	case keyArgs:
		c.config.Args, err = splitArgs(key.Value)
	case keyEnv:
		c.config.Env = strings.Split(key.Value, ",")
	case keyKind:
		c.config.Kind = sendmail.Kind(key.Value)
	}
	return err
}

var errQuotes = errors.New("want arguments separated by blanks, each with a blank or a quote in it as a quoted string of Go")

// splitArgs splits arguments at blanks. One that begins with a double quote is a quoted string of Go.
func splitArgs(text string) (args []string, err error) {
	for {
		text = strings.TrimLeft(text, " ")
		if text == "" {
			return args, nil
		}
		arg, rest, _ := strings.Cut(text, " ")
		if strings.HasPrefix(text, `"`) {
			quoted, err := strconv.QuotedPrefix(text)
			if err != nil {
				return nil, errQuotes
			}
			rest = text[len(quoted):]
			if rest != "" && rest[0] != ' ' {
				return nil, errQuotes
			}
			if arg, err = strconv.Unquote(quoted); err != nil {
				return nil, errQuotes
			}
		} else if strings.Contains(arg, `"`) {
			return nil, errQuotes
		}
		args, text = append(args, arg), rest
	}
}

func (c command) open() (transport.Transport, error) {
	t, err := c.config.Build()
	if err == nil {
		return t, nil
	}
	if field, ok := errors.AsType[*envelope.FieldError](err); ok {
		err = fmt.Errorf("%s: %w", strings.ToLower(field.Field), field.Err)
	}
	return nil, fault(schemeSendmail, err)
}

func (c command) text(func(smtp.URL) string) string {
	return pathText(schemeSendmail, c.config.Path) + c.keys.String()
}

func (c command) withPasswordFile(string) (form, bool) { return c, false }
