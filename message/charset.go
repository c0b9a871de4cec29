package message

import (
	"fmt"
	"io"
	"mime"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
)

// charsetReader turns text of a charset into UTF-8.
func charsetReader(charset string, r io.Reader) (io.Reader, error) {
	switch strings.ToLower(charset) {
	case "", "utf-8", "us-ascii", "ascii":
		return r, nil
	}
	encoding, err := htmlindex.Get(charset)
	if err != nil {
		return nil, fmt.Errorf("charset %q: %w", charset, err)
	}
	return encoding.NewDecoder().Reader(r), nil
}

// decodeWords decodes the encoded-words of a value. What can't be decoded stays as it is.
func decodeWords(value string) string {
	if !strings.Contains(value, "=?") {
		return strings.ToValidUTF8(value, "\ufffd")
	}
	decoder := mime.WordDecoder{CharsetReader: charsetReader}
	decoded, err := decoder.DecodeHeader(value)
	if err != nil {
		decoded = value
	}
	return strings.ToValidUTF8(decoded, "\ufffd")
}
