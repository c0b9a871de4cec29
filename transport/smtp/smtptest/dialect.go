package smtptest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Refusal is how a server says that something is too much.
type Refusal struct {
	// At is the point at which it says so, such as [Mail]; see [Event].
	At string
	// Reply is what it says; lines are separated by "\n", and "{host}" stands for [Config.Hostname]. For a rate, ""
	// means that the server says nothing and lets the client wait.
	Reply string
	// Close says that the server closes the connection then.
	Close bool
}

func (r Refusal) text(host string) string {
	if r.Reply == "" {
		return ""
	}
	return strings.ReplaceAll(strings.ReplaceAll(r.Reply, "{host}", host), "\n", "\r\n") + "\r\n"
}

func (r Refusal) action(host string) Action {
	switch {
	case r.Reply == "" && r.Close:
		return Close()
	case r.Reply == "":
		return Action{}
	case r.Close:
		return Reply(r.text(host)).Then(Close())
	}
	return Reply(r.text(host))
}

// Dialect is how the servers of a provider say that a limit is reached. What is left open is taken from the
// dialect of the name: a test that says "a Gmail that says daily limit" sets Name to "gmail", and
// [Throttle.PerDay].
type Dialect struct {
	// Name is one of [Dialects], or "" for the words of this package.
	Name string

	Connections Refusal // of a connection when there are as many as may be
	Session     Refusal // of a message when the connection has carried as many as it may
	Rate        Refusal // of a message that comes too fast
	Day         Refusal // of a message, or a recipient, beyond what a day may bring
	Domain      Refusal // of a recipient whose domain gets too much
	Idle        Refusal // said to a client that has said nothing for [Config.IdleTimeout]; At does not count
	Errors      Refusal // said to a client that has made too many errors; At does not count
}

// Dialects returns the names that [Dialect.Name] may have, in alphabetical order.
func Dialects() []string { return slices.Sorted(maps.Keys(dialects)) }

// complete fills in what is open.
func (d *Dialect) complete() error {
	named, ok := dialects[d.Name]
	if !ok && d.Name != "" {
		return fmt.Errorf("smtptest: unknown dialect %q; there are %s", d.Name, strings.Join(Dialects(), ", "))
	}
	for _, r := range []struct{ have, named, plain *Refusal }{
		{&d.Connections, &named.Connections, &plain.Connections},
		{&d.Session, &named.Session, &plain.Session},
		{&d.Rate, &named.Rate, &plain.Rate},
		{&d.Day, &named.Day, &plain.Day},
		{&d.Domain, &named.Domain, &plain.Domain},
		{&d.Idle, &named.Idle, &plain.Idle},
		{&d.Errors, &named.Errors, &plain.Errors},
	} {
		if d.Name != "" {
			*r.have = cmp.Or(*r.have, *r.named)
		}
		*r.have = cmp.Or(*r.have, *r.plain)
	}
	return nil
}

// plain are the words of this package, which other dialects fall back to.
var plain = Dialect{
	Connections: Refusal{At: Greeting, Reply: "421 4.7.0 too many connections", Close: true},
	Session:     Refusal{At: Mail, Reply: "421 4.7.0 too many messages over this connection", Close: true},
	Rate:        Refusal{At: Mail, Reply: "450 4.7.1 too many messages, try later"},
	Day:         Refusal{At: Mail, Reply: "452 4.7.1 too many messages today, try tomorrow"},
	Domain:      Refusal{At: Rcpt, Reply: "450 4.7.1 too many messages for this domain, try later"},
	Errors:      Refusal{Reply: "421 4.7.0 too many errors", Close: true},
}
