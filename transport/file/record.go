package file

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"io"
	"os"
)

// recordMemory is how much of a record is kept in memory; the rest goes to a temporary file.
const recordMemory = 1 << 20

// record is a message in the form in which it will stand in the mailbox. It is made before the mailbox is
// locked, so that other programs do not wait for the source of a message, and nothing of a message is in
// the mailbox before all of it was read.
type record struct {
	memory bytes.Buffer
	rest   *os.File // nil while memory is enough
	size   int64
	digest hash.Hash
}

func newRecord() *record { return &record{digest: sha256.New()} }

func (r *record) Write(p []byte) (n int, err error) {
	if r.rest == nil && r.memory.Len()+len(p) > recordMemory {
		if r.rest, err = os.CreateTemp("", "depeche-record-"); err != nil {
			return 0, err
		}
		if err := os.Remove(r.rest.Name()); err != nil { // it lives as long as it is open
			return 0, err
		}
	}
	if r.rest != nil {
		n, err = r.rest.Write(p)
	} else {
		n, err = r.memory.Write(p)
	}
	_, _ = r.digest.Write(p[:n]) // a hash never fails
	r.size += int64(n)
	return n, err
}

// content returns the record from its beginning.
func (r *record) content() io.Reader {
	memory := bytes.NewReader(r.memory.Bytes())
	if r.rest == nil {
		return memory
	}
	return io.MultiReader(memory, io.NewSectionReader(r.rest, 0, r.size-int64(r.memory.Len())))
}

// close frees what the record holds.
func (r *record) close() error {
	if r.rest == nil {
		return nil
	}
	return r.rest.Close()
}
