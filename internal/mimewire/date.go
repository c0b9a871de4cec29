package mimewire

import "time"

// DateLayout is the date-time of RFC 5322 section 3.3, with a numeric zone.
const DateLayout = "Mon, 2 Jan 2006 15:04:05 -0700"

// AppendDate appends t, whose year has four digits, in dateLayout. Composing a small message would spend a tenth of its time
// in the general formatter.
func AppendDate(dst []byte, t time.Time) []byte {
	const sample = " Jan 2006 15:04:05 -0700"
	const days, months = "SunMonTueWedThuFriSat", "JanFebMarAprMayJunJulAugSepOctNovDec"
	_, offset := t.Zone()
	t = time.Unix(t.Unix()+int64(offset), 0).UTC() // what clocks show there, so that the zone is looked up once
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	sign, zone := byte('+'), offset/60
	if zone < 0 {
		sign, zone = '-', -zone
	}
	weekday := 3 * int(t.Weekday())
	dst = append(append(dst, days[weekday:weekday+3]...), ',', ' ')
	if day >= 10 {
		dst = append(dst, byte('0'+day/10))
	}
	dst = append(dst, byte('0'+day%10))
	var text [len(sample)]byte
	copy(text[:], sample)
	copy(text[1:], months[3*int(month)-3:3*int(month)])
	two(text[5:], year/100)
	two(text[7:], year%100)
	two(text[10:], hour)
	two(text[13:], minute)
	two(text[16:], second)
	text[19] = sign
	two(text[20:], zone/60)
	two(text[22:], zone%60)
	return append(dst, text[:]...)
}

// two writes a number of two digits.
func two(dst []byte, n int) { dst[0], dst[1] = byte('0'+n/10), byte('0'+n%10) }

// DateMemo writes dates, and remembers the last one: bulk mail has many of the same second. Its zero value is ready.
type DateMemo struct {
	second int64
	offset int
	size   int // of text; 0 before the first
	text   [len("Mon, 02 Jan 2006 15:04:05 -0700")]byte
}

// Append appends t as AppendDate does.
func (m *DateMemo) Append(dst []byte, t time.Time) []byte {
	second := t.Unix()
	if _, offset := t.Zone(); second != m.second || offset != m.offset || m.size == 0 {
		m.second, m.offset = second, offset
		m.size = len(AppendDate(m.text[:0], t))
	}
	return append(dst, m.text[:m.size]...)
}
