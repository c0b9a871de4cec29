package keys

import "strings"

// Nearest returns the name that was probably meant by another text: the one with the fewest letters to change,
// if those are at most a third of it; "" when none is that near.
func Nearest(text string, names []string) string {
	text = strings.ToLower(text)
	const longest = 40 // a longer text was not mistyped
	if len(text) > longest {
		return ""
	}
	best, least := "", max(1, len(text)/3)+1
	for _, name := range names {
		if d := distance(text, strings.ToLower(name)); d < least {
			best, least = name, d
		}
	}
	return best
}

// distance is the number of octets to insert, delete, replace or swap with their neighbour that make b of a (the
// optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
