package catch

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// LimitHelp says how a limit is written.
const LimitHelp = `A limit is a number, of what, and in what; beyond it the server refuses in the words of the dialect:
  2 connections                     at the same time
  20 mails a connection             the next one is refused
  30 mails a minute                 also a second, an hour, a day, or 90s; all clients together
  2000 recipients a day
  50 recipients a mail
  5 recipients a second for d.test  of one domain
  20 errors                         on a connection in a row, slow from the 10th on, as Postfix
  idle 30s                          a connection that says nothing is closed
There may be one of each kind: one of mails in a time and one of mails a day, one for each domain.`

// units are the words for times.
var units = map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}

// limit is a number of something in something.
type limit struct {
	count  int
	what   string // "mails"
	in     string // "connection", "mail" or a time; "" for none
	domain string
}

// setLimits reads limits as [LimitHelp] describes them, and sets them. The server keeps one of each kind.
func setLimits(c *smtptest.Config, texts []string) error {
	kinds := map[string]bool{}
	for _, text := range texts {
		kind, err := setLimit(c, text)
		if err == nil && kinds[kind] {
			err = fmt.Errorf("there is one of %s already", kind)
		}
		if err != nil {
			return fmt.Errorf("limit %q: %w", text, err)
		}
		kinds[kind] = true
	}
	return nil
}

// setLimit sets one limit and returns its kind.
func setLimit(c *smtptest.Config, text string) (kind string, err error) {
	words := strings.Fields(text)
	if len(words) == 2 && words[0] == "idle" {
		d, err := time.ParseDuration(words[1])
		if err != nil || d <= 0 {
			return "", errors.New("want a time such as 30s after idle")
		}
		c.IdleTimeout = d
		return "silence", nil
	}
	l, err := readLimit(words)
	if err != nil {
		return "", err
	}
	return l.set(c)
}

var errLimit = errors.New("want a number, of what, and in what, such as \"30 mails a minute\"")

func readLimit(words []string) (l limit, err error) {
	if n := len(words); n > 2 && words[n-2] == "for" {
		l.domain, words = strings.ToLower(words[n-1]), words[:n-2]
	}
	if len(words) != 2 && len(words) != 4 {
		return l, errLimit
	}
	if l.count, err = strconv.Atoi(words[0]); err != nil || l.count < 1 {
		return l, fmt.Errorf("%q is not a number above 0", words[0])
	}
	l.what = strings.TrimSuffix(words[1], "s") + "s"
	if len(words) == 4 {
		if words[2] != "a" && words[2] != "an" && words[2] != "per" {
			return l, errLimit
		}
		l.in = words[3]
	}
	return l, nil
}

// per returns the time of a limit.
func (l *limit) per() (time.Duration, error) {
	if d, ok := units[l.in]; ok {
		return d, nil
	}
	d, err := time.ParseDuration(l.in)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a second, minute, hour, day or a time such as 90s", l.in)
	}
	return d, nil
}

// set is what the server does about a limit. It returns the kind of the limit.
func (l *limit) set(c *smtptest.Config) (kind string, err error) {
	t := &c.Throttle
	switch kind = strings.TrimSuffix(l.what+" a "+l.in, " a "); {
	case l.domain != "":
		return l.what + " for " + l.domain, l.setDomain(t)
	case kind == "connections":
		c.MaxConnections = l.count
	case kind == "errors", kind == "errors a connection":
		c.Errors = smtptest.PostfixErrors()
		c.Errors.Soft, c.Errors.Hard = max(l.count/2, 1), l.count
		return "errors", nil
	case kind == "mails a connection":
		t.PerConnection = l.count
	case kind == "mails a day":
		t.PerDay = l.count
	case kind == "recipients a day":
		t.RecipientsPerDay = l.count
	case kind == "recipients a mail":
		c.MaxRecipients = l.count
	case l.what == "mails" && l.in != "":
		per, err := l.per()
		t.Rate = smtptest.Rate{Count: l.count, Per: per}
		return "mails in a time", err
	default:
		return "", errLimit
	}
	return kind, nil
}

// setDomain sets the rate of the recipients of a domain.
func (l *limit) setDomain(t *smtptest.Throttle) error {
	if l.what != "recipients" {
		return errors.New("what a domain gets is counted in recipients")
	}
	per, err := l.per()
	if err != nil {
		return err
	}
	if t.Domains == nil {
		t.Domains = map[string]smtptest.Rate{}
	}
	t.Domains[l.domain] = smtptest.Rate{Count: l.count, Per: per}
	return nil
}
