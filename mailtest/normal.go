package mailtest

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/depeche-mail/depeche/internal/mimeread"
)

const normalDate = "Thu, 01 Jan 1970 00:00:00 +0000"

var (
	anyBoundary = regexp.MustCompile(`(?i)\bboundary=("[^"]*"|[^";\s]*)`)
	localPart   = regexp.MustCompile(`<[^<>@]*@`)
)

// normalID hides the part of a Message-ID that is random. The domain stays, because a wrong one is a fault
// worth seeing.
func normalID(id string) string { return localPart.ReplaceAllString(id, "<normal@") }

// normal returns the message with what is random in it replaced by what is not: the values of Date and
// Message-ID, and the boundaries.
func normal(message []byte) []byte {
	head, body := cutHeader(message)
	out := make([]byte, 0, len(message))
	for len(head) > 0 {
		end := fieldEnd(head)
		out = append(out, normalField(head[:end])...)
		head = head[end:]
	}
	out = append(out, body...)
	names := map[string]string{}
	for _, boundary := range boundaries(message) {
		if _, ok := names[boundary]; !ok {
			names[boundary] = fmt.Sprintf("boundary-%d", len(names)+1)
		}
	}
	return renameBoundaries(out, names)
}

// boundaries returns those of the multiparts in their order.
func boundaries(message []byte) []string {
	section := readSection(message)
	tree, err := mimeread.ReadTree(bytes.NewReader(message), int64(len(message)), section, int64(section.Body), limits)
	if err != nil {
		return nil // there is no source that could fail
	}
	var list []string
	var walk func(*mimeread.Node)
	walk = func(n *mimeread.Node) {
		if n.IsMultipart() {
			list = append(list, n.Params["boundary"])
		}
		for _, child := range n.Children {
			walk(child)
		}
	}
	walk(tree.Root)
	return list
}

// fieldEnd returns where the first field of a header section ends, folded lines included.
func fieldEnd(head []byte) int {
	end := lineEnd(head, 0)
	for end < len(head) && (head[end] == ' ' || head[end] == '\t') {
		end = lineEnd(head, end)
	}
	return end
}

func normalField(field []byte) []byte {
	name, value, _ := strings.Cut(string(field), ":")
	switch strings.ToLower(name) {
	case "date":
		return []byte(name + ": " + normalDate + "\r\n")
	case "message-id":
		return []byte(name + ": " + normalID(strings.Join(strings.Fields(value), "")) + "\r\n")
	}
	return field
}

// renameBoundaries replaces boundaries where they are ones: in delimiters and as parameters.
func renameBoundaries(message []byte, names map[string]string) []byte {
	out := make([]byte, 0, len(message))
	for line := range bytes.Lines(message) {
		if rest, ok := bytes.CutPrefix(line, []byte("--")); ok {
			out = append(append(out, "--"...), renameDelimiter(rest, names)...)
			continue
		}
		out = append(out, anyBoundary.ReplaceAllFunc(line, func(param []byte) []byte {
			key, value, _ := strings.Cut(string(param), "=")
			bare := strings.Trim(value, `"`)
			if name, ok := names[bare]; ok {
				return []byte(key + "=" + strings.Replace(value, bare, name, 1)) // with its quotes, if any
			}
			return param
		})...)
	}
	return out
}

// renameDelimiter returns a line that followed two hyphens, with another boundary if it is one.
func renameDelimiter(line []byte, names map[string]string) []byte {
	boundary := string(bytes.TrimRight(line, " \t\r\n"))
	if name, ok := names[boundary]; ok {
		return append([]byte(name), line[len(boundary):]...)
	}
	boundary, isLast := strings.CutSuffix(boundary, "--")
	if name, ok := names[boundary]; ok && isLast {
		return append([]byte(name), line[len(boundary):]...)
	}
	return line
}
