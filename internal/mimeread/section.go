package mimeread

import (
	"bytes"
	"slices"
	"strings"
)

// Section is a header section. Offsets are those of the octets that it was read from.
type Section struct {
	Fields []Field
	// Skipped are the stretches before and between the fields that are not part of the header section:
	// a writer leaves them out.
	Skipped []Span
	// LostBlanks are the offsets of lines that continue a field although their blank was lost: a writer
	// puts it back.
	LostBlanks []int
	// Body is where the body begins.
	Body int
	// NoSeparator says that the empty line before the body is missing: a writer puts it back.
	NoSeparator bool
	// Faults says what was skipped or repaired.
	Faults []Fault

	octets   []byte
	boundary boundaryOf
}

// Span is a stretch of octets.
type Span struct{ Start, End int }

// Field is a header field and where it lies.
type Field struct {
	Name       string
	Value      int // where the value begins, after the colon
	Start, End int // with the line end
}

// Fault is something in a mail that is not as a standard says.
type Fault struct {
	// Place is where it is: the name of a field, "header", or a part such as "part 1.2".
	Place string
	// Reason says what is wrong and what the reader made of it.
	Reason string
}

// String returns place and reason.
func (f Fault) String() string { return f.Place + ": " + f.Reason }

// maxFaults bounds the list of what is wrong: a hostile mail is wrong everywhere.
const maxFaults = 100

func addFault(list []Fault, place, reason string) []Fault {
	if len(list) < maxFaults {
		list = append(list, Fault{place, reason})
	}
	return list
}

// ReadSection reads the header section that octets begin with. A line is ended by CRLF, LF or CR: a program
// that gives the message other line ends must not find fields that were not seen here.
//
// Where something was skipped before the first field, a field of a name that is known must be among them: a text
// without a header section has colons too.
func ReadSection(octets []byte) *Section {
	s := readSection(octets, false)
	if len(s.Skipped) > 0 && len(s.Fields) > 0 && s.Skipped[0].Start == 0 && !s.isMark(s.Skipped[0]) &&
		!slices.ContainsFunc(s.Fields, func(f Field) bool { return isKnownName(f.Name) }) {
		return &Section{octets: octets, Body: len(octets)}
	}
	return s
}

// isMark reports whether what was skipped is a byte order mark alone.
func (s *Section) isMark(skipped Span) bool { return skipped.End == 3 && s.octets[0] == 0xef }

// ReadPartSection reads the header section of a part, which may be empty.
func ReadPartSection(octets []byte) *Section { return readSection(octets, true) }

func readSection(octets []byte, part bool) *Section {
	s := &Section{octets: octets}
	at := 0
	if !part && bytes.HasPrefix(octets, []byte("\xef\xbb\xbf")) {
		at = s.skip(0, 3, "a byte order mark before the first field")
	}
	for at < len(octets) {
		end := lineEnd(octets, at)
		line := trimLine(octets[at:end])
		switch {
		case len(line) == 0 && (len(s.Fields) > 0 || part):
			s.Body = end
			return s
		case len(line) == 0:
			at = s.skip(at, end, "an empty line before the first field")
		case isBlank(line[0]) && len(s.Fields) > 0 && s.Fields[len(s.Fields)-1].End == at:
			s.Fields[len(s.Fields)-1].End = end
			at = end
		case isBlank(line[0]) && (len(s.Fields) > 0 || !part):
			at = s.skip(at, end, "a continuation line without its field")
		default:
			if f, ok := fieldOf(octets, at, end); ok {
				s.Fields = append(s.Fields, f)
				at = end
			} else if at = s.odd(at, end, part); at < 0 {
				return s
			}
		}
	}
	s.Body = len(octets)
	return s
}

// fieldOf reads a line as the first line of a field. The name may have blanks after it (RFC 5322 section
// 4.5.8) and consists of printable ASCII (section 3.6.8).
func fieldOf(octets []byte, at, end int) (Field, bool) {
	colon := bytes.IndexByte(octets[at:end], ':')
	if colon <= 0 {
		return Field{}, false
	}
	name := bytes.TrimRight(octets[at:at+colon], " \t")
	if len(name) == 0 || bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return Field{}, false
	}
	return Field{Name: string(name), Value: at + colon + 1, Start: at, End: end}, true
}

// skip notes a stretch that is not part of the header section and returns its end.
func (s *Section) skip(start, end int, reason string) int {
	if n := len(s.Skipped); n > 0 && s.Skipped[n-1].End == start {
		s.Skipped[n-1].End = end
	} else {
		s.Skipped = append(s.Skipped, Span{start, end})
	}
	s.Faults = addFault(s.Faults, "header", reason+" was skipped")
	return end
}

// odd decides about a line that is neither a field nor a continuation and returns where to go on; -1 when
// the body begins with it.
func (s *Section) odd(at, end int, part bool) int {
	line := trimLine(s.octets[at:end])
	quoted := bytes.TrimLeft(line, ">")
	switch {
	case s.isDelimiter(line):
		return s.endWithout(at)
	case IsMboxSeparator(string(quoted)), bytes.HasPrefix(quoted, []byte("From ")) && len(s.Fields) == 0:
		return s.skip(at, end, "a separator line of mbox files")
	case len(s.Fields) > 0 && s.continues(line, at, end):
		s.LostBlanks = append(s.LostBlanks, at)
		last := &s.Fields[len(s.Fields)-1]
		last.End = end
		s.Faults = addFault(s.Faults, last.Name, "a line continues the field without a blank")
		return end
	}
	// The lines up to the next field are skipped, unless no field follows that a header section is known to have:
	// then the empty line before the body is missing.
	stop, found := s.nextField(end, part)
	if found || len(s.Fields) == 0 && !part {
		s.skip(at, end, "a line that is not a field")
		if stop > end {
			s.skip(end, stop, "a line that is not a field")
		}
		return stop
	}
	return s.endWithout(at)
}

// endWithout ends the section before a line that belongs to the body.
func (s *Section) endWithout(at int) int {
	s.Body, s.NoSeparator = at, len(s.Fields) > 0
	if s.NoSeparator {
		s.Faults = addFault(s.Faults, "header", "the empty line before the body is missing")
	}
	return -1
}

// nextField looks from a line on for a field that follows directly on other odd lines.
func (s *Section) nextField(at int, part bool) (stop int, found bool) {
	for at < len(s.octets) {
		end := lineEnd(s.octets, at)
		line := trimLine(s.octets[at:end])
		if len(line) == 0 || len(line) > 2 && bytes.HasPrefix(line, []byte("--")) && len(s.Fields) > 0 { // a delimiter of the body
			return at, false
		}
		if f, ok := fieldOf(s.octets, at, end); ok {
			return at, isKnownName(f.Name) || len(s.Fields) == 0 && !part
		}
		at = end
	}
	return at, false
}

// continues reports whether a line without a blank at its beginning belongs to the field before it: some relays
// and scripts fold without one. It must never cost a recipient.
func (s *Section) continues(line []byte, at, end int) bool {
	last := s.Fields[len(s.Fields)-1]
	if last.End != at {
		return false
	}
	value := bytes.TrimRight(s.octets[last.Value:last.End], " \t\r\n")
	name := ""
	if len(last.Name) <= longestKnown { // each line of the field asks
		name = strings.ToLower(last.Name)
	}
	switch {
	case isAddressField[name]:
		goesOn := end < len(s.octets) && isBlank(s.octets[end])
		return bytes.HasSuffix(value, []byte(",")) || bytes.IndexByte(line, '@') >= 0 || goesOn
	case name == "references" || name == "in-reply-to" || name == "message-id":
		return line[0] == '<'
	case bytes.HasSuffix(value, []byte(";")):
		attribute, _, ok := bytes.Cut(line, []byte("="))
		return ok && isToken(string(bytes.TrimSpace(attribute)))
	}
	return false
}

// longestKnown is the length of the longest name of which it matters that a line may continue its field.
const longestKnown = len("resent-reply-to")

// isAddressField has the fields that hold addresses (RFC 5322 sections 3.6.2, 3.6.3 and 3.6.6).
var isAddressField = map[string]bool{
	"from": true, "sender": true, "reply-to": true, "to": true, "cc": true, "bcc": true,
	"resent-from": true, "resent-sender": true, "resent-to": true, "resent-cc": true, "resent-bcc": true, "resent-reply-to": true,
}

// isKnownName reports whether a header section is known to have fields of a name. A line of a body may look
// like a field as well.
func isKnownName(name string) bool {
	name = strings.ToLower(name)
	if isAddressField[name] || knownNames[name] {
		return true
	}
	for _, prefix := range []string{"x-", "resent-", "list-", "content-", "arc-", "dkim-", "authentication-", "received", "disposition-notification-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

var knownNames = map[string]bool{
	"subject": true, "date": true, "message-id": true, "in-reply-to": true, "references": true, "mime-version": true,
	"return-path": true, "delivered-to": true, "envelope-to": true, "comments": true, "keywords": true, "user-agent": true,
	"precedence": true, "importance": true, "priority": true, "sensitivity": true, "organization": true, "status": true,
	"thread-topic": true, "thread-index": true, "auto-submitted": true, "errors-to": true, "return-receipt-to": true,
	"lines": true, "newsgroups": true, "reply-by": true, "apparently-to": true, "encoding": true, "old-return-path": true,
}

// Raw returns the value of a field, unfolded (RFC 5322 section 2.2.3). It may hold any other octets.
func (s *Section) Raw(f Field) string {
	value := s.octets[f.Value:f.End]
	if end := lineEnd(value, 0); end == len(value) {
		return strings.Trim(string(trimLine(value)), " \t")
	}
	var out strings.Builder
	out.Grow(len(value))
	for at := 0; at < len(value); {
		end := lineEnd(value, at)
		line := trimLine(value[at:end])
		if at > 0 && len(line) > 0 && !isBlank(line[0]) {
			out.WriteByte(' ') // it was lost
		}
		out.Write(line)
		at = end
	}
	return strings.Trim(out.String(), " \t")
}

// First returns the value of the first field of a name, in any case; "" without one.
func (s *Section) First(name string) string {
	for _, f := range s.Fields {
		if strings.EqualFold(f.Name, name) {
			return s.Raw(f)
		}
	}
	return ""
}

// Has reports whether there is a field of a name, in any case.
func (s *Section) Has(name string) bool {
	for _, f := range s.Fields {
		if strings.EqualFold(f.Name, name) {
			return true
		}
	}
	return false
}

// Newline returns what a writer that leaves a stretch out has to write instead, so that a CR before it and an LF after
// it, two line ends, do not become one.
func (s *Section) Newline(start, end int) string {
	if start > 0 && end < len(s.octets) && s.octets[start-1] == '\r' && s.octets[end] == '\n' {
		return "\n"
	}
	return ""
}

// lineEnd returns where the line that begins at an offset ends, with its CRLF, LF or CR.
func lineEnd(octets []byte, at int) int {
	i := bytes.IndexAny(octets[at:], "\r\n")
	switch {
	case i < 0:
		return len(octets)
	case octets[at+i] == '\r' && at+i+1 < len(octets) && octets[at+i+1] == '\n':
		return at + i + 2
	}
	return at + i + 1
}

func trimLine(line []byte) []byte { return bytes.TrimRight(line, "\r\n") }

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// isToken reports whether s is a token of RFC 2045 section 5.1.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return s != ""
}
