package extension

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// SizeLimit returns the largest message in octets that the server takes, 0 when there is no limit
// or it is unknown (RFC 1870 section 3).
func (s ServerInfo) SizeLimit() int64 {
	n, err := strconv.ParseInt(s.keywords[Size], 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// Mechanisms returns the names of the SASL mechanisms behind AUTH, in upper case and in the server's
// order.
func (s ServerInfo) Mechanisms() []string {
	var list []string
	for _, name := range strings.Fields(upper(s.keywords[Auth])) {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// SessionLimits are what a server allows in one session or transaction (RFC 9422 section 4). A zero
// field is no limit, or one that the server did not tell.
type SessionLimits struct {
	MailMax       int // MAIL commands in a session
	RcptMax       int // RCPT commands in a transaction
	RcptDomainMax int // different domains of recipients in a session
}

// Limits returns what the server said behind LIMITS. A limit that is malformed counts as not given;
// of a repeated one the lowest counts.
func (s ServerInfo) Limits() SessionLimits {
	var l SessionLimits
	for _, field := range strings.Fields(s.keywords[Limits]) {
		name, value, _ := strings.Cut(field, "=")
		switch upper(name) {
		case "MAILMAX":
			l.MailMax = lower(l.MailMax, value)
		case "RCPTMAX":
			l.RcptMax = lower(l.RcptMax, value)
		case "RCPTDOMAINMAX":
			l.RcptDomainMax = lower(l.RcptDomainMax, value)
		}
	}
	return l
}

// lower returns the lower of a limit and a value of one to six digits, of which the first is no zero
// (RFC 9422 section 4.1).
func lower(limit int, value string) int {
	n, ok := digits(value, 6)
	switch {
	case !ok || value[0] == '0':
		return limit
	case limit == 0:
		return n
	}
	return min(limit, n)
}

// MinDeliverBy returns the shortest time limit that the server takes for a message that is returned
// when late, 0 when it told none (RFC 2852 section 3).
func (s ServerInfo) MinDeliverBy() time.Duration {
	return seconds(s.keywords[DeliverBy])
}

// MaxHoldFor returns the longest time that the server holds a message back, 0 when it told none
// (RFC 4865 section 3).
func (s ServerInfo) MaxHoldFor() time.Duration {
	interval, _, _ := strings.Cut(s.keywords[FutureRelease], " ")
	return seconds(interval)
}

// MaxHoldUntil returns the latest time until which the server holds a message back, the zero time when
// it told none (RFC 4865 section 3).
func (s ServerInfo) MaxHoldUntil() time.Time {
	_, until, _ := strings.Cut(s.keywords[FutureRelease], " ")
	t, err := time.Parse(time.RFC3339, upper(until))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// PriorityProfile returns the name of the priority assignment policy in upper case, such as "MIXER",
// "" when the server told none (RFC 6710 section 3).
func (s ServerInfo) PriorityProfile() string { return upper(s.keywords[MTPriority]) }

// seconds reads one to nine digits.
func seconds(s string) time.Duration {
	n, _ := digits(s, 9)
	return time.Duration(n) * time.Second
}

// digits reads one to most digits.
func digits(s string, most int) (n int, ok bool) {
	if s == "" || len(s) > most {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}
