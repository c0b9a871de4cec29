package depeche

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/policy"
	"github.com/depeche-mail/depeche/transport/smtp"
)

// relay is the form of a relay or a delivery agent: what [smtp.ParseURL] reads. The URL is a pointer, so that fmt does
// not follow it into the password in a caller's struct.
type relay struct{ url *smtp.URL }

func readRelay(text string) (form, error) {
	u, err := smtp.ParseURL(text)
	if err != nil {
		return nil, err
	}
	if value, _, found := u.Cut(keyRate); found {
		if _, err := readRate(value); err != nil {
			return nil, fault(keyRate, err)
		}
	}
	return relay{&u}, nil
}

func (r relay) open() (transport.Transport, error) {
	value, url, limited := r.url.Cut(keyRate)
	t, err := opened(url.Builder().Build())
	if err != nil || !limited {
		return t, err
	}
	rate, err := readRate(value)
	if err != nil {
		return nil, fault(keyRate, err)
	}
	return policy.RateLimit{Next: t, Messages: rate}.Build()
}

// keyRate is the key of relays that is kept over the transport.
const keyRate = "rate"

// readRate reads a number of mails and a time, such as 100/1m.
func readRate(value string) (policy.Rate, error) {
	number, per, _ := strings.Cut(value, "/")
	n, err := strconv.ParseInt(number, 10, 64)
	d, wrong := time.ParseDuration(per)
	if err != nil || wrong != nil || n < 1 || d <= 0 {
		return policy.Rate{}, fmt.Errorf("%q: want a number of mails and a time, such as 100/1m", value)
	}
	return policy.Rate{Count: n, Per: d}, nil
}

func (r relay) text(show func(smtp.URL) string) string { return show(*r.url) }

func (r relay) relays() []smtp.URL { return []smtp.URL{*r.url} }

func (r relay) withPasswordFile(path string) (form, bool) {
	with, ok := r.url.WithPasswordFile(path)
	return relay{&with}, ok
}

// opened returns nil, and not a nil pointer in an interface, beside an error.
func opened[T transport.Transport](t T, err error) (transport.Transport, error) {
	if err != nil {
		return nil, err
	}
	return t, nil
}
