package message

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// segment is a stretch of a message: ready octets, and after them a text or a source, which are read each time.
type segment struct {
	ready  []byte
	text   string // its lines end in LF or CRLF; it is written with CRLF everywhere
	grows  int    // octets that this adds
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

func (s *segment) size() int64 {
	size := int64(len(s.ready) + len(s.text) + s.grows)
	switch {
	case s.stream == nil:
		return size
	case s.stream.base64:
		return size + mimewire.Base64Size(s.stream.size)
	}
	return size + s.stream.size
}

// buffers are big, and sending bulk mail would make new ones all the time.
var buffers = sync.Pool{New: func() any { return new(mimewire.Base64Buffers) }}

// writeTo writes the content and fails when it is no longer as long as Build found it.
func (s *stream) writeTo(w io.Writer) (err error) {
	var n int64
	if !s.base64 {
		n, err = writeSource(w, s.source)
	} else {
		n, err = s.encodeTo(w)
	}
	if err == nil && n != s.size {
		return fmt.Errorf("%d octets when the message was built, %d when it was written", s.size, n)
	}
	return err
}

func (s *stream) encodeTo(w io.Writer) (n int64, err error) {
	r, err := s.source.open()
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

// ready returns all octets when they are in memory in one piece.
func (s segments) ready() (octets []byte, ok bool) {
	if len(s) != 1 || s[0].text != "" || s[0].stream != nil {
		return nil, false
	}
	return s[0].ready, true
}

// WriteTo writes all of them. Every call writes the same octets.
func (s segments) WriteTo(w io.Writer) (int64, error) {
	if octets, ok := s.ready(); ok {
		n, err := w.Write(octets)
		return int64(n), err
	}
	j, _ := joiners.Get().(*joiner)
	defer joiners.Put(j)
	j.w, j.n = w, 0
	err := j.writeAll(s)
	j.w, j.held = nil, 0
	if err != nil {
		return j.n, fmt.Errorf("message: %w", err)
	}
	return j.n, nil
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
	if octets, ok := s.ready(); ok {
		return octets, nil
	}
	var b bytes.Buffer
	b.Grow(int(s.size()))
	_, err := s.WriteTo(&b)
	return b.Bytes(), err
}
