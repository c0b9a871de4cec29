package extension

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// values are the parameters of the keywords, read once.
type values struct {
	size      int64
	limits    SessionLimits
	minBy     time.Duration
	holdFor   time.Duration
	holdUntil time.Time
}

// readValues takes what is malformed for not given.
func readValues(keywords map[Keyword]string) *values {
	var v values
	if n, err := strconv.ParseInt(keywords[Size], 10, 64); err == nil {
		v.size = max(n, 0)
	}
	v.limits = readLimits(keywords[Limits])
	v.minBy = seconds(keywords[DeliverBy])
	interval, until, _ := strings.Cut(keywords[FutureRelease], " ")
	v.holdFor = seconds(interval)
	if t, err := time.Parse(time.RFC3339, upper(until)); err == nil {
		v.holdUntil = t.UTC()
	}
	return &v
}

// known returns the values, also of the zero ServerInfo.
func (s ServerInfo) known() *values { return cmp.Or(s.values, &values{}) }

// SizeLimit returns the largest message in octets that the server takes, 0 when there is no limit
// or it is unknown (RFC 1870 section 3).
func (s ServerInfo) SizeLimit() int64 { return s.known().size }

// Mechanisms returns the names of the SASL mechanisms after AUTH, in upper case and in the server's
// order.
func (s ServerInfo) Mechanisms() []string {
	var list []string
	for name := range strings.FieldsSeq(upper(s.keywords[Auth])) {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// SessionLimits are what a server allows in one session or transaction (RFC 9422 section 4). A zero
// field means that the server has no limit, or did not tell it.
type SessionLimits struct {
	MailMax       int // MAIL commands in a session
	RcptMax       int // RCPT commands in a transaction
	RcptDomainMax int // different domains of recipients in a session
}

// Limits returns what the server said after LIMITS. A limit that is malformed counts as not given;
// of a repeated one the lowest counts.
func (s ServerInfo) Limits() SessionLimits { return s.known().limits }

func readLimits(params string) SessionLimits {
	var l SessionLimits
	for field := range strings.FieldsSeq(params) {
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

// lower returns the lower of a limit and a value of one to six digits, which does not begin with a zero
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
func (s ServerInfo) MinDeliverBy() time.Duration { return s.known().minBy }

// MaxHoldFor returns the longest time that the server holds a message back, 0 when it told none
// (RFC 4865 section 3).
func (s ServerInfo) MaxHoldFor() time.Duration { return s.known().holdFor }

// MaxHoldUntil returns the latest time until which the server holds a message back, the zero time when
// it told none (RFC 4865 section 3).
func (s ServerInfo) MaxHoldUntil() time.Time { return s.known().holdUntil }

// PriorityProfile returns the name of the priority assignment policy in upper case, such as "MIXER",
// "" when the server told none (RFC 6710 section 3).
func (s ServerInfo) PriorityProfile() string { return upper(s.keywords[MTPriority]) }

// seconds reads one to nine digits.
func seconds(s string) time.Duration {
	n, _ := digits(s, 9)
	return time.Duration(n) * time.Second
}

// digits reads one to most digits.
func digits(s string, limit int) (n int, ok bool) {
	if s == "" || len(s) > limit {
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
