package message

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// segment is a stretch of a message: ready octets, or a source that is read each time.
type segment struct {
	ready  []byte
	stream *stream
}

// stream is content that is encoded while it is written.
type stream struct {
	source source
	name   string
	size   int64 // of the content
	base64 bool
	ended  bool // the content ends with a line end
}

func (s segment) size() int64 {
	switch {
	case s.stream == nil:
		return int64(len(s.ready))
	case s.stream.base64:
		return mimewire.Base64Size(s.stream.size)
	}
	return s.stream.size
}

func (s segment) writeTo(w io.Writer) error {
	if s.stream == nil {
		_, err := w.Write(s.ready)
		return err
	}
	if err := s.stream.writeTo(w); err != nil {
		return fmt.Errorf("part %q: %w", s.stream.name, err)
	}
	return nil
}

// buffers are big, and sending bulk mail would make new ones all the time.
var buffers = sync.Pool{New: func() any { return new(mimewire.Base64Buffers) }}

// writeTo writes the content and fails when it is no longer as long as Build found it.
func (s *stream) writeTo(w io.Writer) (err error) {
	var n int64
	if !s.base64 {
		n, err = s.source.writeTo(w)
	} else {
		n, err = s.encodeTo(w)
	}
	if err == nil && n != s.size {
		return fmt.Errorf("%d octets when the message was built, %d when it was written", s.size, n)
	}
	return err
}

func (s *stream) encodeTo(w io.Writer) (n int64, err error) {
	r, err := s.source.reader()
	if err != nil {
		return 0, err
	}
	defer func() {
		if failed := r.Close(); err == nil {
			err = failed
		}
	}()
	b, _ := buffers.Get().(*mimewire.Base64Buffers)
	defer buffers.Put(b)
	return b.WriteBase64(w, r)
}

// segments are a whole message, or a part of one.
type segments []segment

// WriteTo writes all of them. Every call writes the same octets.
func (s segments) WriteTo(w io.Writer) (int64, error) {
	if len(s) == 1 && s[0].stream == nil {
		n, err := w.Write(s[0].ready)
		return int64(n), err
	}
	c := counter{w: w}
	for i := range s {
		if err := s[i].writeTo(&c); err != nil {
			return c.n, fmt.Errorf("message: %w", err)
		}
	}
	return c.n, nil
}

func (s segments) size() int64 {
	var size int64
	for i := range s {
		size += s[i].size()
	}
	return size
}

// flatten returns all octets in one slice.
func flatten(s segments) ([]byte, error) {
	if len(s) == 1 && s[0].stream == nil {
		return s[0].ready, nil
	}
	var b bytes.Buffer
	b.Grow(int(s.size()))
	_, err := s.WriteTo(&b)
	return b.Bytes(), err
}

// counter counts the octets that pass it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
