package file

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"hash/maphash"
	"io"
	"iter"
	"os"
	"strconv"
)

// extent is where a message lies in the file, with its From line, and what it held when it was found.
type extent struct {
	begin, end int64
	sum        uint64
}

// sums is the seed of all sums of extents.
var sums = maphash.MakeSeed()

// all looks through the file once, and then reads the messages one at a time, so that no program waits for
// the caller. A message that another program has moved or removed meanwhile comes with an error.
func (m *mbox) all() iter.Seq2[*StoredMessage, error] {
	return func(yield func(*StoredMessage, error) bool) {
		extents, err := m.extents()
		if err != nil {
			yield(nil, err)
			return
		}
		for _, e := range extents {
			if !yield(m.read(e)) {
				return
			}
		}
	}
}

// reading calls do with the mailbox, locked for reading, and how much of it may be read. Nothing is
// changed, and nothing but the mailbox is opened.
func (m *mbox) reading(do func(f *os.File, length int64) error) (err error) {
	h, err := hold(context.Background(), m.path, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.release()) }()
	length, err := visible(m.path, h.f)
	if err != nil {
		return err
	}
	return do(h.f, length)
}

// extents finds the messages.
func (m *mbox) extents() (list []extent, err error) {
	err = m.reading(func(f *os.File, length int64) (err error) {
		list, err = findExtents(bufio.NewReaderSize(io.NewSectionReader(f, 0, length), 1<<16))
		return err
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return list, err
}

func findExtents(r *bufio.Reader) (list []extent, err error) {
	var offset int64
	var sum maphash.Hash
	sum.SetSeed(sums)
	start, empty := true, true // of a line, and the line before it
	for {
		piece, err := r.ReadSlice('\n')
		from := start && bytes.HasPrefix(piece, []byte(fromLine))
		isEmpty := start && len(bytes.TrimRight(piece, "\r\n")) == 0
		if from && err == nil {
			piece = bytes.Clone(piece) // which Peek may move
			next, _ := r.Peek(256)     // less at the end of the file
			var unsure error
			if from, unsure = isSeparator(offset, piece, empty, next); unsure != nil {
				return nil, unsure
			}
		}
		empty = isEmpty
		switch {
		case len(piece) > 0 && offset == 0 && !from:
			return nil, errNoMbox
		case from:
			list = append(list, extent{begin: offset})
			sum.Reset()
		}
		offset += int64(len(piece))
		_, _ = sum.Write(piece) // a hash never fails
		start = err == nil
		ended := errors.Is(err, io.EOF)
		if len(list) > 0 && (start || ended) {
			list[len(list)-1].end, list[len(list)-1].sum = offset, sum.Sum64()
		}
		if ended {
			return list, nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}

// errChanged means that another program has rewritten the mailbox between the search and the reading.
var errChanged = errors.New("the mailbox was changed by another program meanwhile; read it again")

// read reads one message.
func (m *mbox) read(e extent) (*StoredMessage, error) {
	id := strconv.FormatInt(e.begin, 10)
	var lines []byte
	err := m.reading(func(f *os.File, length int64) (err error) {
		if e.end > length {
			return errChanged
		}
		lines, err = io.ReadAll(io.NewSectionReader(f, e.begin, e.end-e.begin))
		if err == nil && maphash.Bytes(sums, lines) != e.sum {
			return errChanged
		}
		return err
	})
	if err != nil {
		return nil, fault(id, err)
	}
	_, lines, _ = bytes.Cut(lines, []byte("\n"))
	return unquote(id, bytes.TrimSuffix(lines, []byte("\n")))
}

// load looks through the whole file: an offset that was no beginning of a message may be one now, and the
// other way round.
func (m *mbox) load(id string) (*StoredMessage, error) {
	extents, err := m.extents()
	if err != nil {
		return nil, err
	}
	for _, e := range extents {
		if strconv.FormatInt(e.begin, 10) == id {
			return m.read(e)
		}
	}
	return nil, os.ErrNotExist
}

var errNoMbox = errors.New("file: not an mbox file, which begins with \"From \"; message.Parse reads a single .eml file")

var errAppendOnly = errors.New("file: nothing can be removed from an mbox file")

func (m *mbox) remove(string) error { return errAppendOnly }
