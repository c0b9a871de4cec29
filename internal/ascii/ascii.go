// Package ascii tells text that every server can carry from text that needs an extension.
package ascii

// Only reports whether s has no octet above 127.
func Only[T ~string | ~[]byte](s T) bool {
	const width, high = 8, 0x8080808080808080
	var seen uint64
	i := 0
	for ; i+width <= len(s); i += width { // in this form it is one load, and bodies of mails are looked through with it
		seen |= uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
	}
	for ; i < len(s); i++ {
		seen |= uint64(s[i])
	}
	return seen&high == 0
}
