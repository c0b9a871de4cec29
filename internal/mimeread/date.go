package mimeread

import (
	"strings"
	"time"
)

// ParseDate reads a date in the current and the obsolete syntax of RFC 5322 (sections 3.3 and 4.3), and in the
// form of asctime that scripts write. It is independent of the zone of the machine. A zone that says nothing is
// UTC. The result is the zero time when the value is not a date.
func ParseDate(value string) time.Time {
	d := dateParser{day: -1, year: -1, hour: -1}
	for _, word := range dateWords(value) {
		if !d.word(word) {
			return time.Time{}
		}
	}
	return d.time()
}

// dateWords returns the words of a date without comments, commas and the blanks around colons.
func dateWords(value string) []string {
	const longest = 512
	if len(value) > longest {
		return []string{"?"}
	}
	plain := strings.NewReplacer(",", " ", "\"", " ").Replace(withoutComments(value))
	fields := strings.Fields(plain)
	var words []string
	for i := 0; i < len(fields); i++ {
		word := fields[i]
		for i+1 < len(fields) && (strings.HasSuffix(word, ":") || strings.HasPrefix(fields[i+1], ":")) {
			i++
			word += fields[i]
		}
		if parts := strings.Split(word, "-"); len(parts) == 3 && parts[0] != "" { // 21-Nov-97
			words = append(words, parts...)
			continue
		}
		words = append(words, word)
	}
	return words
}

// dateParser collects what the words of a date say.
type dateParser struct {
	day, year, hour, minute, second int
	month                           time.Month
	offset                          int // seconds east of UTC
	zoned                           bool
}

// word takes a word. It reports whether it can be part of a date.
func (d *dateParser) word(word string) bool {
	lower := strings.ToLower(word)
	n, isNumber := number(word)
	switch {
	case strings.Contains(word, ":"):
		return d.clock(word)
	case isNumber && d.day < 0 && len(word) <= 2:
		d.day = n
		return true
	case isNumber && d.year < 0 && len(word) != 1 && len(word) <= 5:
		d.year = fullYear(n, len(word))
		return true
	case d.month == 0 && monthOf(lower) != 0:
		d.month = monthOf(lower)
		return true
	case isWeekday(lower) && d.day < 0:
		return true
	case d.zone(word):
		return true
	}
	return d.zoned && d.hour >= 0 && d.day > 0 // words after the zone, such as its name, say nothing
}

// fullYear returns the year of two or three digits (RFC 5322 section 4.3).
func fullYear(year, digits int) int {
	switch {
	case digits == 2 && year < 50:
		return 2000 + year
	case digits < 4:
		return 1900 + year
	}
	return year
}

func (d *dateParser) clock(word string) bool {
	parts := strings.Split(strings.ReplaceAll(word, ".", ":"), ":")
	if len(parts) < 2 || d.hour >= 0 {
		return d.zoned // such as GMT+01:00 after a zone
	}
	var values [3]int
	for i, part := range parts[:min(len(parts), 3)] {
		n, ok := number(part)
		if !ok || len(part) > 2 {
			return false
		}
		values[i] = n
	}
	d.hour, d.minute, d.second = values[0], values[1], values[2]
	return true
}

// zones are the names of RFC 5322 section 4.3. Military letters other than Z were used in both senses and say
// nothing, and so do all other names.
var zones = map[string]int{
	"ut": 0, "utc": 0, "gmt": 0, "z": 0, "edt": -4, "est": -5, "cdt": -5, "cst": -6, "mdt": -6, "mst": -7, "pdt": -7, "pst": -8,
}

func (d *dateParser) zone(word string) bool {
	if d.hour < 0 || d.zoned {
		return false
	}
	name := strings.ToLower(word)
	digits := strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(name, "gmt"), "utc"), ":", "")
	switch hours, known := zones[name]; {
	case known:
		d.offset = hours * 3600
	case len(digits) >= 4 && len(digits) <= 6 && (digits[0] == '+' || digits[0] == '-'):
		n, ok := number(digits[1:])
		if !ok {
			return false
		}
		if len(digits) == 6 {
			return false
		}
		d.offset = (n/100*60 + n%100) * 60
		if digits[0] == '-' {
			d.offset = -d.offset
		}
		const day = 24 * 3600
		if n%100 > 59 || d.offset <= -day || d.offset >= day {
			d.offset = 0
		}
	case strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") != "":
		return false
	}
	d.zoned = true
	return true
}

// time returns the time that was collected; the zero time when something is missing or out of its range.
func (d *dateParser) time() time.Time {
	const leap = 60 // a leap second, RFC 5322 section 3.3
	if d.day < 1 || d.month == 0 || d.year < 0 || d.hour < 0 || d.hour > 23 || d.minute > 59 || d.second > leap {
		return time.Time{}
	}
	location := time.UTC
	if d.offset != 0 {
		location = time.FixedZone("", d.offset)
	}
	t := time.Date(d.year, d.month, d.day, d.hour, d.minute, d.second, 0, location)
	if date := time.Date(d.year, d.month, d.day, 0, 0, 0, 0, time.UTC); date.Day() != d.day {
		return time.Time{} // such as 31 April
	}
	return t
}

func number(s string) (n int, ok bool) {
	if s == "" || len(s) > 5 {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// monthOf returns the month of a name in English, short or long; 0 for none.
func monthOf(name string) time.Month {
	name = strings.TrimSuffix(name, ".")
	for m := time.January; m <= time.December; m++ {
		full := strings.ToLower(m.String())
		if len(name) >= 3 && strings.HasPrefix(full, name) || name == "sept" && m == time.September {
			return m
		}
	}
	return 0
}

func isWeekday(name string) bool {
	name = strings.TrimSuffix(name, ".")
	for w := time.Sunday; w <= time.Saturday; w++ {
		if len(name) >= 3 && strings.HasPrefix(strings.ToLower(w.String()), name) {
			return true
		}
	}
	return false
}
