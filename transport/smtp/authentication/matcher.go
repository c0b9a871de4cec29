package authentication

import (
	"encoding/base64"
	"encoding/binary"
	"strings"

	"github.com/depeche-mail/depeche/internal/printable"
)

// runLength is from which length on a part of a secret is masked too: more than chance, and what is left where a
// server has shortened its echo.
const runLength = 8

// matcher finds secrets in texts. Its work grows with the text alone, however many secrets there are. It is not
// changed once it is in use.
type matcher struct {
	short []string            // secrets that are shorter than a run
	runs  map[uint64]struct{} // all runs of the longer ones
	// pairs has a bit for the first two octets of each of them: most of a text is passed over by it.
	pairs [256]uint64
}

func newMatcher() *matcher { return &matcher{runs: map[uint64]struct{}{}} }

// secret adds a secret in the forms in which it is masked: as it is, as replies show it, and in base64 wherever in a
// line of base64 it stands.
func (m *matcher) secret(s string) {
	if s == "" {
		return
	}
	m.text(s)
	m.text(base64.StdEncoding.EncodeToString([]byte(s)))
	for shift := 1; shift <= 2; shift++ { // without the ends, which depend on the neighbours
		text := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + s))
		if len(text) >= 4+runLength+4 {
			m.text(text[4 : len(text)-4])
		}
	}
}

// text adds a text as it is and as replies show it.
func (m *matcher) text(s string) {
	m.exact(s)
	if shown := printable.Text(s); shown != s {
		m.exact(shown)
	}
}

func (m *matcher) exact(s string) {
	if len(s) < runLength {
		m.short = append(m.short, s)
		m.begins(s)
		return
	}
	for i := range len(s) - runLength + 1 {
		m.runs[run(s[i:])] = struct{}{}
		m.begins(s[i:])
	}
}

// run is the first runLength octets of s as a number.
func run(s string) uint64 { return binary.LittleEndian.Uint64([]byte(s[:runLength])) }

func (m *matcher) begins(s string) {
	if len(s) == 1 {
		m.pairs[s[0]] = ^uint64(0)
		return
	}
	m.pairs[s[0]] |= 1 << (s[1] % 64)
}

// at returns how many octets of a secret are at the start of s.
func (m *matcher) at(s string) int {
	if len(s) >= 2 && m.pairs[s[0]]&(1<<(s[1]%64)) == 0 || len(s) == 1 && m.pairs[s[0]] == 0 {
		return 0
	}
	n := 0
	if len(s) >= runLength {
		if _, ok := m.runs[run(s)]; ok {
			n = runLength
		}
	}
	for _, secret := range m.short {
		if len(secret) > n && strings.HasPrefix(s, secret) {
			n = len(secret)
		}
	}
	return n
}

// mask returns text with the secrets replaced.
func (m *matcher) mask(text string) string {
	var out strings.Builder
	clean := 0 // up to where text has been written
	for i := 0; i < len(text); {
		n := m.at(text[i:])
		if n == 0 {
			i++
			continue
		}
		out.WriteString(text[clean:i])
		out.WriteString(mask)
		for end := i + n; i < end; i++ { // runs that overlap are one
			if n := m.at(text[i:]); i+n > end {
				end = i + n
			}
		}
		clean = i
	}
	if clean == 0 {
		return text
	}
	out.WriteString(text[clean:])
	return out.String()
}
