package file

import (
	"fmt"

	"github.com/depeche-mail/depeche/internal/mimeread"
)

// UnsureError says that a line of an mbox file may begin a message or be text of the one before: the file is not read,
// because one of the two readings would send half a message.
type UnsureError struct {
	Offset int64  // of the line in the file
	Line   string // its beginning
}

// Error names the line and what to do.
func (e *UnsureError) Error() string {
	return fmt.Sprintf("mbox: octet %d: %q may begin a message or be text; put an empty line before it, or > in its first column", e.Offset, e.Line)
}

// isSeparator decides whether a line at an offset that begins with "From " begins a message. next is the beginning of
// what follows the line: a message begins with a header field. Text that begins a line with "From " is common
// in files of programs that do not quote it.
func isSeparator(offset int64, line []byte, afterEmpty bool, next []byte) (bool, error) {
	if offset == 0 {
		return true, nil
	}
	good, field := mimeread.IsMboxSeparator(string(line)), mimeread.BeginsWithField(next)
	switch {
	case good && afterEmpty && field:
		return true, nil
	case good && (afterEmpty || field), afterEmpty && field:
		const shown = 80
		return false, &UnsureError{offset, string(line[:min(len(line), shown)])}
	}
	return false, nil
}
