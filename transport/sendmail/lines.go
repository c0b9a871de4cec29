package sendmail

import (
	"bytes"
	"io"
)

// unixLines writes text with LF where it has CRLF: commands expect the line ends of this system.
type unixLines struct {
	w      io.Writer
	failed *error // set to the error of w, to tell it from one of the source
	cr     bool   // the last octet was a CR that is not written yet
}

func (u *unixLines) Write(p []byte) (int, error) {
	out := make([]byte, 0, len(p)+1)
	if u.cr && len(p) > 0 && p[0] != '\n' {
		out = append(out, '\r')
	}
	u.cr = bytes.HasSuffix(p, []byte("\r"))
	out = append(out, bytes.ReplaceAll(bytes.TrimSuffix(p, []byte("\r")), []byte("\r\n"), []byte("\n"))...)
	if _, err := u.w.Write(out); err != nil {
		*u.failed = err
		return 0, err
	}
	return len(p), nil
}
