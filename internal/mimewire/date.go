package mimewire

import "time"

// DateLayout is the date-time of RFC 5322 section 3.3, with a numeric zone.
const DateLayout = "Mon, 2 Jan 2006 15:04:05 -0700"

// AppendDate appends t in dateLayout. Composing a small message would spend a tenth of its time in
// the general formatter.
func AppendDate(dst []byte, t time.Time) []byte {
	const days, months = "SunMonTueWedThuFriSat", "JanFebMarAprMayJunJulAugSepOctNovDec"
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	_, offset := t.Zone()
	weekday := 3 * int(t.Weekday())
	dst = append(append(dst, days[weekday:weekday+3]...), ',', ' ')
	if day >= 10 {
		dst = append(dst, byte('0'+day/10))
	}
	dst = append(dst, byte('0'+day%10), ' ')
	dst = append(append(dst, months[3*int(month)-3:3*int(month)]...), ' ')
	dst = append(two(two(dst, year/100), year%100), ' ')
	dst = append(two(dst, hour), ':')
	dst = append(two(dst, minute), ':')
	dst = append(two(dst, second), ' ')
	sign, offset := byte('+'), offset/60
	if offset < 0 {
		sign, offset = '-', -offset
	}
	return two(two(append(dst, sign), offset/60), offset%60)
}

// two appends a number of two digits.
func two(dst []byte, n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }
