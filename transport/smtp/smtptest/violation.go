package smtptest

import (
	"fmt"
	"slices"
)

// Rule is what a client broke.
type Rule string

// The rules that the server watches over.
const (
	// PipeliningRule: input after a command that must be the last of a group (RFC 2920 section 3.1), or
	// after any command while PIPELINING is not offered.
	PipeliningRule Rule = "pipelining"
	// ChunkRule: content after an unanswered RCPT, before the server has shown on any connection that
	// it swallows a chunk that it refuses. RFC 3030 does not ask for this; prudence does.
	ChunkRule Rule = "chunk before proof"
	// LineRule: a command line or content that is not made of lines with CRLF, or of too long ones.
	LineRule Rule = "line"
	// OctetRule: octets that were not allowed by what was offered and asked for.
	OctetRule Rule = "octet"
	// DialogueRule: the client did not follow [Config.Dialogue].
	DialogueRule Rule = "dialogue"
)

// Violation is one thing that a client must not do and did.
type Violation struct {
	Session int
	Rule    Rule
	Text    string
}

// String returns it in one line.
func (v Violation) String() string {
	return fmt.Sprintf("session %d: %s: %s", v.Session, v.Rule, v.Text)
}

// Violations returns what clients did against the rules, in order. What the server answers does not
// depend on it.
func (s *Server) Violations() []Violation {
	s.record.mu.Lock()
	defer s.record.mu.Unlock()
	return slices.Clone(s.record.violations)
}

// violate notes a violation.
func (s *session) violate(rule Rule, format string, args ...any) {
	v := Violation{Session: s.info.ID, Rule: rule, Text: fmt.Sprintf(format, args...)}
	if s.config.Forget {
		return
	}
	s.server.record.update(func() { s.server.record.violations = append(s.server.record.violations, v) })
}
