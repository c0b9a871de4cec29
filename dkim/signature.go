package dkim

import (
	"encoding/base64"
	"strconv"
	"time"
)

// fieldName is the name of the field that carries a signature.
const fieldName = "DKIM-Signature"

// maxLine is where lines are folded, and how long they should be at most (RFC 5322 section 2.1.1).
const maxLine = 78

// layout writes a header field in lines of at most 78 octets. Only a word that is longer than that by
// itself, such as a long domain, makes a longer one.
type layout struct {
	dst    []byte
	column int
}

// put appends text to the line.
func (l *layout) put(text string) {
	l.dst = append(l.dst, text...)
	l.column += len(text)
}

// fold begins the next line.
func (l *layout) fold() {
	l.dst = append(l.dst, "\r\n "...)
	l.column = 1
}

// tag appends a tag after a space or, if it does not fit, on the next line.
func (l *layout) tag(name, value string) {
	if l.column+len(name)+len(value)+3 > maxLine { // a space, "=" and ";"
		l.fold()
	} else {
		l.put(" ")
	}
	l.put(name)
	l.put("=")
	l.put(value)
	l.put(";")
}

// list appends a tag whose value is names with colons between them. Lines may end after a colon
// (RFC 6376 section 3.5).
func (l *layout) list(name string, names []string) {
	l.fold()
	l.put(name)
	l.put("=")
	for i, n := range names {
		if i > 0 && l.column+len(n)+1 > maxLine {
			l.fold()
		}
		l.put(n)
		if i < len(names)-1 {
			l.put(":")
		}
	}
	l.put(";")
}

// data appends octets in base64, which may be folded anywhere.
func (l *layout) data(octets []byte) {
	text := base64.StdEncoding.EncodeToString(octets)
	for room := maxLine - l.column; len(text) > room; room = maxLine - l.column {
		l.put(text[:room])
		l.fold()
		text = text[room:]
	}
	l.put(text)
}

// unsigned returns the field of a signature up to the value of its b= tag, which comes last. Tags with a
// default value of their own that is the right one are left out.
func (s *Signer) unsigned(a algorithm, selector string, names []string, bodyHash []byte) layout {
	l := layout{dst: make([]byte, 0, 1024)}
	l.put(fieldName + ":")
	l.tag("v", "1")
	l.tag("a", a.a)
	l.tag("c", s.header.String()+"/"+s.body.String())
	l.tag("d", s.domain)
	l.tag("s", selector)
	now := s.now()
	l.tag("t", seconds(now))
	if s.lifetime > 0 {
		l.tag("x", seconds(now.Add(s.lifetime)))
	}
	if s.identity != "" {
		l.tag("i", s.identity)
	}
	l.list("h", names)
	l.fold()
	l.put("bh=")
	l.data(bodyHash)
	l.put(";")
	l.fold()
	l.put("b=")
	return l
}

func seconds(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
