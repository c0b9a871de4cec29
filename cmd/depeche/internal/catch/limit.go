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
  idle 30s                          a connection that says nothing is closed`

// units are the words for times.
var units = map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}

// limit is a number of something in something.
type limit struct {
	count  int
	what   string // "mails"
	in     string // "connection", "mail" or a time; "" for none
	domain string
}

// setLimit reads a limit as [LimitHelp] describes it, and sets it.
func setLimit(c *smtptest.Config, text string) error {
	words := strings.Fields(text)
	if len(words) == 2 && words[0] == "idle" {
		d, err := time.ParseDuration(words[1])
		if err != nil || d <= 0 {
			return limitError(text, errors.New("want a time such as 30s after idle"))
		}
		c.IdleTimeout = d
		return nil
	}
	l, err := readLimit(words)
	if err == nil {
		err = l.set(c)
	}
	if err != nil {
		return limitError(text, err)
	}
	return nil
}

func limitError(text string, err error) error { return fmt.Errorf("limit %q: %w", text, err) }

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

// set is what the server does about a limit.
func (l *limit) set(c *smtptest.Config) error {
	t := &c.Throttle
	switch what := l.what + " a " + l.in; {
	case l.domain != "":
		return l.setDomain(t)
	case what == "connections a ":
		c.MaxConnections = l.count
	case what == "errors a ", what == "errors a connection":
		c.Errors = smtptest.PostfixErrors()
		c.Errors.Soft, c.Errors.Hard = max(l.count/2, 1), l.count
	case what == "mails a connection":
		t.PerConnection = l.count
	case what == "mails a day":
		t.PerDay = l.count
	case what == "recipients a day":
		t.RecipientsPerDay = l.count
	case what == "recipients a mail":
		c.MaxRecipients = l.count
	case l.what == "mails" && l.in != "":
		per, err := l.per()
		t.Rate = smtptest.Rate{Count: l.count, Per: per}
		return err
	default:
		return errLimit
	}
	return nil
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
