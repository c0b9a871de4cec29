package charset

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/encoding/korean"
)

// decodeUTF7 reads UTF-7 (RFC 2152), which neither golang.org/x/text nor go-message has.
func decodeUTF7(text []byte) (string, error) {
	var out strings.Builder
	var err error
	for i := 0; i < len(text); {
		c := text[i]
		i++
		switch {
		case c >= 0x80:
			out.WriteRune('\ufffd')
			err = errUTF7
			continue
		case c != '+':
			out.WriteByte(c)
			continue
		}
		end := i
		for end < len(text) && isBase64(text[end]) {
			end++
		}
		switch {
		case end == i && end < len(text) && text[end] == '-':
			out.WriteByte('+')
		case end == i:
			out.WriteByte('+')
			err = errUTF7
		default:
			units, ok := shifted(text[i:end])
			if !ok {
				err = errUTF7
			}
			out.WriteString(string(utf16.Decode(units)))
		}
		if i = end; i < len(text) && text[i] == '-' {
			i++
		}
	}
	return out.String(), err
}

var errUTF7 = errors.New("the text is not valid UTF-7")

func isBase64(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '+' || c == '/'
}

// shifted reads the UTF-16 in a modified base64 sequence. Up to 6 bits of zero fill its last octet.
func shifted(text []byte) (units []uint16, ok bool) {
	octets, err := base64.RawStdEncoding.DecodeString(string(text))
	if err != nil {
		octets, _ = base64.RawStdEncoding.DecodeString(string(text[:len(text)/4*4]))
	}
	for ; len(octets) >= 2; octets = octets[2:] {
		units = append(units, uint16(octets[0])<<8|uint16(octets[1]))
	}
	return units, err == nil && (len(octets) == 0 || octets[0] == 0)
}

// decodeISO2022KR reads ISO-2022-KR (RFC 1557): after Shift Out each pair of octets is a character of
// KS X 1001, which EUC-KR writes with the top bits set.
func decodeISO2022KR(text []byte) (string, error) {
	const shiftOut, shiftIn, designator = 0x0e, 0x0f, "\x1b$)C"
	var euc []byte
	out := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == shiftOut:
			out = true
		case c == shiftIn:
			out = false
		case c == 0x1b && strings.HasPrefix(string(text[i:min(i+len(designator), len(text))]), designator):
			i += len(designator) - 1
		case c == '\n':
			out = false // RFC 1557 section 2: lines begin in ASCII
			euc = append(euc, c)
		case out && c > ' ' && c < 0x7f:
			euc = append(euc, c|0x80)
		default:
			euc = append(euc, c)
		}
	}
	decoded, err := korean.EUCKR.NewDecoder().Bytes(euc)
	if err != nil {
		return guess(text), err
	}
	if strings.Contains(string(decoded), "\ufffd") {
		return string(decoded), errors.New("octets that are not text of charset \"iso-2022-kr\"")
	}
	return string(decoded), nil
}
