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

// source is content that can be read again and again.
type source struct {
	data  []byte                        // the content, or
	open  func() (io.ReadCloser, error) // how to read it,
	stat  func() (fs.FileInfo, error)   // with its length, or
	spool *spool                        // what can be read once only, or
	other io.WriterTo                   // a message
}

// measure returns the length of the content, by reading it only where nothing else tells.
func (s source) measure() (int64, error) {
	switch {
	case s.stat != nil:
		info, err := s.stat()
		if err != nil {
			return 0, err
		}
		if !info.Mode().IsRegular() {
			return 0, errors.New("not a regular file")
		}
		return info.Size(), nil
	case s.open != nil:
		return s.writeTo(io.Discard)
	}
	data, err := s.bytes()
	return int64(len(data)), err
}

// bytes returns content that is in memory.
func (s source) bytes() ([]byte, error) {
	if s.spool != nil {
		return s.spool.load()
	}
	return s.data, nil
}

// inMemory reports whether bytes gives the content.
func (s source) inMemory() bool { return s.open == nil && s.other == nil }

// reader opens the content. The caller closes it.
func (s source) reader() (io.ReadCloser, error) {
	if s.open != nil {
		return s.open()
	}
	data, err := s.bytes()
	return io.NopCloser(bytes.NewReader(data)), err
}

// writeTo writes the content as it is.
func (s source) writeTo(w io.Writer) (n int64, err error) {
	if s.other != nil {
		return s.other.WriteTo(w)
	}
	r, err := s.reader()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return io.Copy(w, r)
}

// head returns the beginning of the content.
func (s source) head(most int64) (head []byte, err error) {
	r, err := s.reader()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return io.ReadAll(io.LimitReader(r, most))
}

// spool keeps what a reader gives, which is read when it is first needed.
type spool struct {
	once  sync.Once
	r     io.Reader
	limit int64
	data  []byte
	err   error
}

func (s *spool) load() ([]byte, error) {
	s.once.Do(func() {
		s.data, s.err = io.ReadAll(io.LimitReader(s.r, min(s.limit, math.MaxInt64-1)+1))
		if s.err == nil && int64(len(s.data)) > s.limit {
			s.data, s.err = nil, fmt.Errorf("longer than the limit of %d octets", s.limit)
		}
		s.r = nil
	})
	return s.data, s.err
}
