package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
)

// Part is a file to be attached or shown inline. Its methods return changed copies, so one Part can
// be used in many messages.
type Part struct {
	name   string
	media  string // the content type with parameters; "" to guess
	id     string // Content-ID of an inline part
	inline bool
	source source
}

// source is content that can be read again and again.
type source struct {
	data []byte                        // the content, or
	open func() (io.ReadCloser, error) // how to read it,
	size int64                         // with its length; negative when it must be asked from stat
	stat func() (fs.FileInfo, error)
}

// Bytes returns a part of a file name and its content. The slice must not change afterwards.
func Bytes(name string, data []byte) Part {
	return Part{name: name, source: source{data: data, size: int64(len(data))}}
}

// File returns a part that is read from fsys: looked at by Build, and streamed each time the message
// is written. It must not change in between. Its file name is the last element of name.
func File(fsys fs.FS, name string) Part {
	return Part{name: path.Base(name), source: source{
		open: func() (io.ReadCloser, error) { return fsys.Open(name) },
		stat: func() (fs.FileInfo, error) { return fs.Stat(fsys, name) },
		size: -1,
	}}
}

// Named returns the part under another file name.
func (p Part) Named(name string) Part {
	p.name = name
	return p
}

// Type returns the part with a content type, such as "application/pdf", instead of a guessed one.
func (p Part) Type(media string) Part {
	p.media = media
	return p
}

func (p Part) inlineAs(id string) Part {
	p.id, p.inline = id, true
	return p
}

// measure finds the size of the content and, where the caller gave none, its type, from the file
// name or the first octets.
func (p Part) measure() (Part, error) {
	if p.source.size < 0 {
		info, err := p.source.stat()
		switch {
		case err != nil:
			return p, err
		case !info.Mode().IsRegular():
			return p, errors.New("not a regular file")
		}
		p.source.size = info.Size()
	}
	if p.media != "" {
		_, _, err := mime.ParseMediaType(p.media)
		return p, err
	}
	p.media = mime.TypeByExtension(path.Ext(p.name))
	if p.media != "" {
		return p, nil
	}
	const enough = 512 // what DetectContentType looks at
	r, err := p.source.reader()
	if err != nil {
		return p, err
	}
	head, err := io.ReadAll(io.LimitReader(r, enough))
	if err := errors.Join(err, r.Close()); err != nil {
		return p, err
	}
	p.media = http.DetectContentType(head)
	return p, nil
}

func (s source) reader() (io.ReadCloser, error) {
	if s.open == nil {
		return io.NopCloser(bytes.NewReader(s.data)), nil
	}
	return s.open()
}

// writeTo writes the content as base64 and fails when it is no longer as long as Build found it.
func (s source) writeTo(w io.Writer) (err error) {
	r, err := s.reader()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	enc := newBase64Lines(w)
	n, err := io.Copy(enc, r)
	if err != nil {
		return err
	}
	if n != s.size {
		return fmt.Errorf("%d octets when the message was built, %d when it was written", s.size, n)
	}
	return enc.Close()
}
