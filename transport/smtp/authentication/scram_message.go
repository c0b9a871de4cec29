package authentication

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// serverFirst is the server's first message (RFC 5802 section 7).
type serverFirst struct {
	nonce      string
	salt       []byte
	iterations int
}

// parseServerFirst reads "r=nonce,s=salt,i=count" and ignores attributes after it. Its errors do not
// quote the server.
func parseServerFirst(text string) (f serverFirst, err error) {
	fields := strings.SplitN(text, ",", 4)
	if len(fields) < 3 {
		return f, reason("fewer than three attributes")
	}
	nonce, okNonce := strings.CutPrefix(fields[0], "r=")
	salt, okSalt := strings.CutPrefix(fields[1], "s=")
	count, okCount := strings.CutPrefix(fields[2], "i=")
	if !okNonce || !okSalt || !okCount { // also the extension m=, which must not be ignored
		return f, reason("other attributes than nonce, salt and iteration count")
	}
	if strings.ContainsFunc(nonce, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return f, reason("unprintable nonce")
	}
	f.nonce = nonce
	if f.salt, err = base64.StdEncoding.DecodeString(salt); err != nil || len(f.salt) == 0 {
		return f, reason("no salt")
	}
	// A number beyond an int is the greatest int, which is out of bounds too.
	f.iterations, err = strconv.Atoi(count)
	if !digits(count) {
		return f, reason("no iteration count")
	}
	if err != nil {
		f.iterations = math.MaxInt
	}
	return f, nil
}

func digits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

func iterationsError(n int) error {
	return reason(fmt.Sprintf("%d, want %d to %d", n, minIterations, maxIterations))
}
