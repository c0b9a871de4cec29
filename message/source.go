package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"sync"
)

// source is content that can be read again and again. One that is an io.WriterTo as well writes itself.
type source interface {
	// size returns the length of the content, and reads it only where nothing else tells.
	size() (int64, error)
	// open returns the content from its beginning. The caller closes it.
	open() (io.ReadCloser, error)
}

// inMemory is a source whose content need not be read.
type inMemory interface {
	source
	bytes() ([]byte, error)
}

// writeSource writes content as it is.
func writeSource(w io.Writer, s source) (n int64, err error) {
	if m, ok := s.(io.WriterTo); ok {
		return m.WriteTo(w)
	}
	r, err := s.open()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return io.Copy(w, r)
}

// sourceBytes returns content as a whole, which must not be changed.
func sourceBytes(s source) ([]byte, error) {
	if m, ok := s.(inMemory); ok {
		return m.bytes()
	}
	var content bytes.Buffer
	_, err := writeSource(&content, s)
	return content.Bytes(), err
}

// sourceHead returns the beginning of content.
func sourceHead(s source, limit int) (head []byte, err error) {
	r, err := s.open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	var b bytes.Buffer
	b.Grow(limit + bytes.MinRead) // at once: it reads where there is as much room
	_, err = b.ReadFrom(io.LimitReader(r, int64(limit)))
	return b.Bytes(), err
}

// bytesSource is content in memory.
type bytesSource []byte

func (b bytesSource) size() (int64, error)         { return int64(len(b)), nil }
func (b bytesSource) open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
func (b bytesSource) bytes() ([]byte, error)       { return b, nil }

// fileSource is a file, which knows its length.
type fileSource struct {
	opens func() (io.ReadCloser, error)
	stat  func() (fs.FileInfo, error)
}

func (f fileSource) open() (io.ReadCloser, error) { return f.opens() }

func (f fileSource) size() (int64, error) {
	info, err := f.stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, errors.New("not a regular file")
	}
	return info.Size(), nil
}

// funcSource is content that the caller opens.
type funcSource func() (io.ReadCloser, error)

func (f funcSource) open() (io.ReadCloser, error) { return f() }
func (f funcSource) size() (int64, error)         { return writeSource(io.Discard, f) }

// messageSource is a message.
type messageSource struct{ io.WriterTo }

func (m messageSource) size() (int64, error) { return m.WriteTo(io.Discard) }

func (m messageSource) open() (io.ReadCloser, error) {
	content, err := sourceBytes(m)
	return io.NopCloser(bytes.NewReader(content)), err
}

// onceSource keeps what a reader gives, which is read when it is first needed.
type onceSource struct {
	once  sync.Once
	r     io.Reader
	limit int64
	data  []byte
	err   error
}

func (s *onceSource) size() (int64, error) {
	data, err := s.bytes()
	return int64(len(data)), err
}

func (s *onceSource) open() (io.ReadCloser, error) {
	data, err := s.bytes()
	return io.NopCloser(bytes.NewReader(data)), err
}

var errReader = errors.New("the reader of the content did not return when it was read first")

func (s *onceSource) bytes() ([]byte, error) {
	s.once.Do(func() {
		s.err = errReader // for who comes after a panic of the reader
		s.data, s.err = io.ReadAll(io.LimitReader(s.r, min(s.limit, math.MaxInt64-1)+1))
		if s.err == nil && int64(len(s.data)) > s.limit {
			s.data, s.err = nil, fmt.Errorf("longer than the limit of %d octets", s.limit)
		}
		s.r = nil
	})
	return s.data, s.err
}
