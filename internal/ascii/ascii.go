// Package ascii tells text that every server can carry from text that needs an extension.
package ascii

// Only reports whether s has no octet above 127.
func Only[T ~string | ~[]byte](s T) bool {
	const width, high = 8, 0x8080808080808080
	var seen uint64
	i := 0
	for ; i+4*width <= len(s); i += 4 * width { // bodies of mails are looked through with it
		p := s[i : i+4*width]
		seen |= load(p) | load(p[width:]) | load(p[2*width:]) | load(p[3*width:])
	}
	for ; i+width <= len(s); i += width {
		seen |= load(s[i : i+width])
	}
	for ; i < len(s); i++ {
		seen |= uint64(s[i])
	}
	return seen&high == 0
}

// load returns the first eight octets of s as one number. In this form it is one load.
func load[T ~string | ~[]byte](s T) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
