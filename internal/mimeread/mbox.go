package mimeread

import "strings"

// IsMboxSeparator reports whether a line, without its line end, begins a message of an mbox file (RFC 4155 appendix
// A): "From ", the sender, and the time of asctime, with an optional zone. The sender is an address, a bare
// name, or "-", as Mozilla Thunderbird and mail delivery agents write it; a body line such as "From now on" is not
// a separator. It counts only at the beginning of the file and after an empty line.
func IsMboxSeparator(line string) bool {
	rest, ok := strings.CutPrefix(line, "From ")
	const longest = 1000
	if !ok || len(line) > longest {
		return false
	}
	rest = strings.TrimRight(rest, " \t\r\n")
	sender, date, ok := cutSender(strings.TrimLeft(rest, " "))
	return ok && sender != "" && isAsctime(date)
}

// BeginsWithField reports whether octets begin with a header field.
func BeginsWithField(octets []byte) bool {
	_, ok := fieldOf(octets, 0, lineEnd(octets, 0))
	return ok
}

// cutSender splits the sender from the time after it. A sender may be quoted, and have blanks in it then.
func cutSender(rest string) (sender, date string, ok bool) {
	if strings.HasPrefix(rest, `"`) {
		_, end := quotedEnd(rest, 0)
		if end == 0 {
			return "", "", false
		}
		host, date, ok := strings.Cut(rest[end:], " ")
		return rest[:end] + host, strings.TrimLeft(date, " "), ok
	}
	sender, date, ok = strings.Cut(rest, " ")
	return sender, strings.TrimLeft(date, " "), ok
}

// isAsctime reports whether text is a time such as "Thu Nov 28 18:47:15 2026", which a zone may precede or
// follow: a name, an offset, or both. Words such as "remote from host", of UUCP, may end it.
func isAsctime(text string) bool {
	text, _, _ = strings.Cut(text, " remote from ")
	words := strings.Fields(text)
	if len(words) < 5 || len(words) > 7 || len(words[0]) != 3 || !isWeekday(strings.ToLower(words[0])) ||
		len(words[1]) != 3 || monthOf(strings.ToLower(words[1])) == 0 {
		return false
	}
	day, ok := number(words[2])
	if !ok || day < 1 || day > 31 || !isClock(words[3]) {
		return false
	}
	years := 0
	for _, word := range words[4:] {
		switch _, isNumber := number(word); {
		case isNumber && len(word) == 4 && years == 0:
			years++
		case !isZone(word):
			return false
		}
	}
	return years == 1
}

func isClock(word string) bool {
	parts := strings.Split(word, ":")
	if len(parts) != 2 && len(parts) != 3 {
		return false
	}
	for i, part := range parts {
		n, ok := number(part)
		if !ok || len(part) != 2 || n > 60 || i == 0 && n > 23 {
			return false
		}
	}
	return true
}

// isZone reports whether a word is a zone: a name in capitals or an offset.
func isZone(word string) bool {
	if strings.HasPrefix(word, "+") || strings.HasPrefix(word, "-") {
		_, ok := number(word[1:])
		return ok && len(word) == 5
	}
	return len(word) <= 5 && strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
