package diagnose

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/envelope"
)

// OK reports whether mail could be sent now.
func (r *Report) OK() bool { return r.Err == nil }

// String returns the report for people: a line for each thing that is known, the verdict, then the hints.
// What the server said is made printable.
func (r *Report) String() string {
	t := table{}
	t.add("server", r.Server)
	t.add("addresses", strings.Join(r.Addresses, ", "), took(r.Times.DNS))
	t.add("connected", r.Remote, took(r.Times.Connect))
	t.add("greeting", r.Greeting)
	t.add("before TLS", strings.Join(r.ExtensionsBeforeTLS, ", "))
	if r.TLS != nil {
		t.add("TLS", strings.TrimSpace(r.TLS.Version+" "+r.TLS.CipherSuite))
		t.add("certificate", "for "+strings.Join(r.TLS.Names, ", "))
		t.add("", "by "+r.TLS.Issuer)
		t.add("", "until "+r.TLS.NotAfter.UTC().Format(time.RFC3339))
		t.add("", "key "+r.TLS.Pin.String())
	}
	t.add("offers", strings.Join(r.Extensions, ", "))
	t.add("logins", strings.Join(r.Mechanisms, " "))
	if r.Size > 0 {
		t.add("size", strconv.FormatInt(r.Size, 10)+" octets at most")
	}
	t.add("limits", r.limits())
	switch {
	case r.LoggedIn:
		t.add("login", r.User+" is accepted", took(r.Times.Ready))
	case r.User != "":
		t.add("login", r.User+" did not log in")
	}
	if r.Times.RoundTrip > 0 {
		t.add("round trip", r.Times.RoundTrip.Round(10*time.Microsecond).String())
	}
	if len(r.Recipients) > 0 || !r.Sender.IsNull() {
		t.add("sender", path(r.Sender))
	}
	for _, to := range r.Recipients {
		answer := to.Reply.String()
		if to.Reply.IsZero() {
			answer = "no answer"
		}
		t.add("recipient", path(to.Address)+": "+answer)
	}
	if r.OK() {
		t.add("result", "ready")
	} else {
		text := strings.ReplaceAll(r.Err.Error(), "\n", "; ")
		for _, h := range r.Hints { // each has a line of its own
			text = strings.TrimSuffix(text, "; "+h.Text)
		}
		t.add("result", text)
	}
	for _, h := range r.Hints {
		t.add("hint", string(h.Kind)+": "+h.Text)
	}
	return t.b.String()
}

func (r *Report) limits() string {
	var list []string
	for _, limit := range []struct {
		n    int
		what string
	}{
		{r.Limits.MailMax, "messages per connection"},
		{r.Limits.RcptMax, "recipients per message"},
		{r.Limits.RcptDomainMax, "recipient domains per connection"},
	} {
		if limit.n > 0 {
			list = append(list, fmt.Sprintf("%d %s", limit.n, limit.what))
		}
	}
	return strings.Join(list, ", ")
}

// table is text in two columns.
type table struct{ b strings.Builder }

// add writes a line, unless there is nothing to say.
func (t *table) add(name, value string, notes ...string) {
	if value == "" {
		return
	}
	value = printable(value)
	for _, note := range notes {
		if note != "" {
			value += " (" + note + ")"
		}
	}
	fmt.Fprintf(&t.b, "%-12s %s\n", name, value)
}

// printable keeps what a certificate or a server says from moving the cursor of a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

func took(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.Round(10 * time.Microsecond).String()
}

// path returns an address as the commands write it.
func path(a envelope.Address) string {
	if a.IsPostmaster() {
		return a.String()
	}
	return "<" + a.String() + ">"
}
