package mimeread

import (
	"bytes"
	"strings"
)

// UUFile is a file in the form of uuencode (POSIX).
type UUFile struct {
	Name string
	Data []byte
}

// CutUUencoded takes the uuencoded files out of a text with LF line ends, and returns them and the rest. Only
// whole ones count: a line that begins like one is text.
func CutUUencoded(text string) (rest string, files []UUFile) {
	if !strings.HasPrefix(text, "begin ") && !strings.Contains(text, "\nbegin ") {
		return text, nil
	}
	var out strings.Builder
	for text != "" {
		line, after, _ := strings.Cut(text, "\n")
		if strings.HasPrefix(line, "begin ") {
			file, size, checked := parseUU(text)
			if size > 0 {
				files = append(files, file)
				text = text[size:]
				continue
			}
			out.WriteString(text[:checked]) // so that many beginnings do not cost more than one
			text = text[checked:]
			continue
		}
		out.WriteString(text[:len(text)-len(after)])
		text = after
	}
	return out.String(), files
}

// DecodeUU decodes a part whose transfer encoding is uuencode.
func DecodeUU(data []byte) (UUFile, bool) {
	text := string(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")))
	begin := 0
	if !strings.HasPrefix(text, "begin ") {
		at := strings.Index(text, "\nbegin ")
		if at < 0 {
			return UUFile{}, false
		}
		begin = at + 1
	}
	file, size, _ := parseUU(text[begin:])
	return file, size > 0
}

// parseUU reads the file that text begins with and returns its size in text; 0 when it is not whole. checked is
// how far the lines were looked at, at least one line.
func parseUU(text string) (file UUFile, size, checked int) {
	line, rest, _ := strings.Cut(text, "\n")
	line = strings.TrimRight(line, "\r")
	first := len(text) - len(rest)
	mode, name, ok := strings.Cut(strings.TrimPrefix(line, "begin "), " ")
	if !ok || len(mode) < 3 || len(mode) > 4 || strings.Trim(mode, "01234567") != "" || name == "" {
		return file, 0, first
	}
	file.Name = name
	for rest != "" {
		line, after, _ := strings.Cut(rest, "\n")
		line = strings.TrimRight(line, "\r")
		if line == "end" {
			return file, len(text) - len(after), 0
		}
		if file.Data, ok = appendUULine(file.Data, line); !ok {
			break
		}
		rest = after
	}
	return file, 0, max(first, len(text)-len(rest))
}

// appendUULine appends what a line stands for: its first character counts the octets. Blanks at its end may
// have been lost.
func appendUULine(dst []byte, line string) ([]byte, bool) {
	if line == "" || line == "`" || line == " " {
		return dst, true
	}
	for i := range len(line) {
		if line[i] < ' ' || line[i] > '`' {
			return dst, false
		}
	}
	count := int(line[0]-' ') & 63
	chars := (count + 2) / 3 * 4
	line = line[1:]
	if len(line) > chars+2 { // some programs add a checksum
		return dst, false
	}
	at := func(i int) byte {
		if i < len(line) {
			return (line[i] - ' ') & 63
		}
		return 0
	}
	for i := 0; count > 0; i, count = i+4, count-3 {
		group := [3]byte{at(i)<<2 | at(i+1)>>4, at(i+1)<<4 | at(i+2)>>2, at(i+2)<<6 | at(i+3)}
		dst = append(dst, group[:min(count, 3)]...)
	}
	return dst, true
}
