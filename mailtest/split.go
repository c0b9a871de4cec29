package mailtest

import "bytes"

// cutHeader splits an entity at the empty line. Without one everything is header.
func cutHeader(data []byte) (head, body []byte) {
	for at := 0; at < len(data); {
		end := lineEnd(data, at)
		if len(bytes.TrimRight(data[at:end], "\r\n")) == 0 {
			return data[:end], data[end:]
		}
		at = end
	}
	return data, nil
}

// cutParts splits the body of a multipart at its boundary (RFC 2046 section 5.1.1) into at most limit
// parts, without copying. It reports whether the closing delimiter was found.
func cutParts(body []byte, boundary string, limit int) (parts [][]byte, closed bool) {
	delimiter := []byte("--" + boundary)
	start := -1 // of the part under way; none during the preamble
	for at := 0; at < len(body) && len(parts) < limit; {
		end := lineEnd(body, at)
		if rest, ok := bytes.CutPrefix(body[at:end], delimiter); ok {
			rest = bytes.TrimRight(rest, " \t\r\n")
			isLast := string(rest) == "--"
			if isLast || len(rest) == 0 {
				if start >= 0 {
					parts = append(parts, trimNewline(body[start:at]))
				}
				if isLast {
					return parts, true
				}
				start = end
			}
		}
		at = end
	}
	if start >= 0 && len(parts) < limit {
		parts = append(parts, body[start:])
	}
	return parts, false
}

// lineEnd returns the offset behind the newline of the line that begins there.
func lineEnd(data []byte, at int) int {
	if n := bytes.IndexByte(data[at:], '\n'); n >= 0 {
		return at + n + 1
	}
	return len(data)
}

// trimNewline takes off the newline that belongs to the delimiter behind it.
func trimNewline(data []byte) []byte {
	data = bytes.TrimSuffix(data, []byte("\n"))
	return bytes.TrimSuffix(data, []byte("\r"))
}
