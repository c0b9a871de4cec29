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

// lineEnd returns the offset after the newline of the line that begins there.
func lineEnd(data []byte, at int) int {
	if n := bytes.IndexByte(data[at:], '\n'); n >= 0 {
		return at + n + 1
	}
	return len(data)
}
