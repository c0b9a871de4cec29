package message

import (
	"errors"
	"io"
)

// Open returns the content of a file or of an attached message, without the encoding in which it travels: what a program
// saves of a mail that package eml has read. The caller closes it. Other parts are an error. The name of a part is what its
// sender has written, and no path: a program that saves files gives them names of its own.
func (p Part) Open() (io.ReadCloser, error) {
	if p.fault != nil {
		return nil, &FieldError{Field: "Open", Value: p.name, Err: p.fault}
	}
	switch body := p.body.(type) {
	case fileBody:
		return body.open()
	case messageBody:
		return body.open()
	}
	return nil, &FieldError{Field: "Open", Value: p.name, Err: errors.New("neither a file nor an attached message")}
}
