package catch

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// dialect is how a server of a kind talks: what it offers, and its habits.
type dialect struct {
	about      string
	extensions []string
	hooks      []smtptest.Hook
	words      string // the dialect of smtptest in which it refuses what is too much; "" for plain words
}

// dialects returns the dialects by the name of the server that they are taken from. What is offered was seen from Postfix 3.7, Exim 4.96,
// OpenSMTPD 6.8 and Dovecot 2.3 as Debian 12 has them. Each call makes hooks of its own: the one of greylist remembers what it has seen.
func dialects() map[string]dialect {
	return map[string]dialect{
		"postfix": {about: "Postfix 3.7", words: "postfix", extensions: []string{
			"PIPELINING", "SIZE", "VRFY", "ETRN", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING",
		}},
		"exim": {about: "Exim 4.96: no enhanced codes, 1000 mails a connection", extensions: []string{
			"SIZE", "8BITMIME", "PIPELINING", "PIPECONNECT", "CHUNKING", "PRDR", "HELP",
		}, hooks: []smtptest.Hook{smtptest.MessagesPerSession(1000, smtptest.Reply("421 too many messages in this connection"))}},
		"opensmtpd": {about: "OpenSMTPD: no PIPELINING, no UTF-8", extensions: []string{"8BITMIME", "ENHANCEDSTATUSCODES", "SIZE", "DSN", "HELP"}},
		"dovecot":   {about: "Dovecot 2.3 LMTP: no SIZE, no UTF-8", extensions: []string{"8BITMIME", "CHUNKING", "ENHANCEDSTATUSCODES", "PIPELINING"}},
		"bare":      {about: "a server that offers nothing", extensions: []string{}},
		"old": {
			about: "a server of before 1995, which does not know EHLO", extensions: []string{},
			hooks: []smtptest.Hook{smtptest.On(smtptest.Ehlo, smtptest.Reply("502 command not implemented"))},
		},
		"greylist": {about: "450 for each new pair of sender and recipient", extensions: smtptest.DefaultExtensions(), hooks: []smtptest.Hook{smtptest.Greylist()}},
		"go-smtp-0.24": {about: "refuses a chunk without reading it, and runs it as commands", extensions: []string{
			"PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING", "SIZE",
		}, hooks: []smtptest.Hook{smtptest.ChunksUnread()}},
	}
}

// lookUpDialect finds a dialect by its name. Providers offer everything, and say what is too much in their own words.
func lookUpDialect(name string) (d dialect, ok bool) {
	if d, ok = dialects()[name]; ok {
		return d, true
	}
	ok = slices.Contains(smtptest.Dialects(), name)
	return dialect{about: "what " + name + " says beyond a --limit", extensions: smtptest.DefaultExtensions(), words: name}, ok
}

func dialectNames() []string {
	names := slices.AppendSeq(smtptest.Dialects(), maps.Keys(dialects()))
	slices.Sort(names)
	return slices.Compact(names)
}

// DialectNames returns the names of the dialects, separated by commas.
func DialectNames() string { return strings.Join(dialectNames(), ", ") }

// DialectHelp returns a line for each dialect.
func DialectHelp() string {
	var text strings.Builder
	for _, name := range dialectNames() {
		d, _ := lookUpDialect(name)
		text.WriteString("  " + name + strings.Repeat(" ", max(14-len(name), 1)) + d.about + "\n")
	}
	return text.String()
}

// withSize returns the lines of the reply to EHLO, with the limit after SIZE.
func withSize(extensions []string, size int64) []string {
	lines := make([]string, 0, len(extensions))
	for _, line := range extensions {
		switch line {
		case "SIZE":
			lines = append(lines, "SIZE "+strconv.FormatInt(max(size, 0), 10))
		case "REQUIRETLS": // after TLS alone
		default:
			lines = append(lines, line)
		}
	}
	return lines
}
