package mimeread

import (
	"bytes"
	"strings"
)

// boundaryOf is the boundary of a multipart whose header section is being read. Each field is looked at once, however
// many lines ask.
type boundaryOf struct {
	text   string
	known  bool // the Content-Type was found
	looked int  // fields that were looked at
}

// isDelimiter reports whether a line divides the parts of the multipart whose header section it stands in: then the
// empty line before the body is missing. Any other line with two hyphens may stand between fields, and what follows it
// may name recipients.
func (s *Section) isDelimiter(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("--"))
	if !ok {
		return false
	}
	for b := &s.boundary; !b.known && b.looked < len(s.Fields); b.looked++ {
		if f := s.Fields[b.looked]; strings.EqualFold(f.Name, "Content-Type") {
			h := ParseHeader(s.Raw(f), "")
			b.known = true
			if strings.HasPrefix(h.Value, "multipart/") {
				b.text = strings.TrimRight(h.Params["boundary"], " \t")
			}
		}
	}
	return s.boundary.text != "" && string(bytes.TrimRight(rest, " \t")) == s.boundary.text
}
