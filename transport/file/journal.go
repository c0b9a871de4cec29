package file

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// journalName is what a journal has after the path of its mailbox. No other program uses the name.
const journalName = ".depeche-journal"

// journal says what is being appended to a mailbox. It is complete on disk before the first octet is
// appended, and removed after the last: what a killed process has left in the mailbox is known exactly,
// and only that is ever cut off.
type journal struct {
	inode  uint64 // of the mailbox
	length int64  // of the mailbox before
	lead   int64  // line feeds that end the message before
	size   int64  // of the record
	digest []byte // of the record, SHA-256

	record func() io.Reader
}

// The file begins with the magic and one line of numbers; the record follows.
const (
	journalMagic = "depeche mbox journal 1\n"
	journalForm  = "inode %d length %d lead %d size %d sha256 %x\n"
)

// errNotJournal refuses to touch a file that another program has put in the place of a journal.
var errNotJournal = errors.New("not a journal of this package; move it away")

// write makes the journal of a mailbox and flushes it to disk.
func (j *journal) write(path string) error {
	f, err := openRegular(path+journalName, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, journalMagic+journalForm, j.inode, j.length, j.lead, j.size, j.digest)
	if err == nil {
		_, err = io.Copy(f, j.record())
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return errors.Join(err, os.Remove(path+journalName))
	}
	return nil
}

// readJournal opens the journal of a mailbox. It is nil without a journal, and with one that was not complete:
// then nothing was appended yet. The caller calls the function that it gets.
func readJournal(path string) (j *journal, done func() error, err error) {
	nothing := func() error { return nil }
	f, err := openRegular(path+journalName, os.O_RDONLY)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nothing, nil
	}
	if err != nil {
		return nil, nothing, err
	}
	j, err = parseJournal(f)
	if err != nil {
		err = &os.PathError{Op: "read journal", Path: path + journalName, Err: err}
	}
	return j, f.Close, err
}

// parseJournal returns nil for a journal that is not complete.
func parseJournal(f io.ReaderAt) (*journal, error) {
	const longest = 1 << 10
	head := make([]byte, longest)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	head = head[:n]
	if known := min(n, len(journalMagic)); string(head[:known]) != journalMagic[:known] {
		return nil, errNotJournal
	}
	rest, ok := bytes.CutPrefix(head, []byte(journalMagic))
	line, _, ended := bytes.Cut(rest, []byte("\n"))
	if !ok || !ended {
		return nil, nil //nolint:nilnil // it is not complete
	}
	j := &journal{}
	if _, err := fmt.Sscanf(string(line)+"\n", journalForm, &j.inode, &j.length, &j.lead, &j.size, &j.digest); err != nil {
		return nil, errNotJournal
	}
	begin := int64(len(journalMagic) + len(line) + 1)
	j.record = func() io.Reader { return io.NewSectionReader(f, begin, j.size) }
	digest := sha256.New()
	switch n, err := io.Copy(digest, j.record()); {
	case err != nil:
		return nil, err
	case j.length < 0 || j.lead < 0 || j.lead > maxLead || n != j.size || !bytes.Equal(digest.Sum(nil), j.digest):
		return nil, nil //nolint:nilnil // the same
	}
	return j, nil
}

// maxLead is how many line feeds end a message: that of its last line, and an empty line.
const maxLead = 2

// appended is what a journal announces: the line feeds and the record.
func (j *journal) appended() io.Reader {
	return io.MultiReader(bytes.NewReader([]byte("\n\n")[:j.lead]), j.record())
}

// tail is how much of what a journal announces is at the end of its mailbox.
type tail uint8

const (
	tailOther   tail = iota // the mailbox is another file or was changed by others: nothing may be cut off
	tailPartial             // a beginning of it, perhaps empty, and nothing else
	tailWhole               // all of it, and nothing else
)

// compare looks at the end of the mailbox.
func (j *journal) compare(f *os.File) (tail, error) {
	info, err := f.Stat()
	if err != nil || inodeOf(info) != j.inode {
		return tailOther, err
	}
	length := info.Size() - j.length
	if length < 0 || length > j.lead+j.size {
		return tailOther, nil
	}
	same, err := equal(io.NewSectionReader(f, j.length, length), io.LimitReader(j.appended(), length))
	switch {
	case err != nil || !same:
		return tailOther, err
	case length == j.lead+j.size:
		return tailWhole, nil
	}
	return tailPartial, nil
}

// equal reports whether both readers give the same octets.
func equal(a, b io.Reader) (bool, error) {
	one, two := bufio.NewReaderSize(a, 1<<16), bufio.NewReaderSize(b, 1<<16)
	for {
		p, err := one.Peek(one.Size())
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		q, err := two.Peek(two.Size())
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if !bytes.Equal(p, q) {
			return false, nil
		}
		if len(p) == 0 {
			return true, nil
		}
		_, _ = one.Discard(len(p)) // it is in the buffer
		_, _ = two.Discard(len(q)) // the same
	}
}

// recover cuts off what a killed process has begun to append. The caller has locked the mailbox.
func recoverMailbox(path string, f *os.File) error {
	j, done, err := readJournal(path)
	if err == nil && j != nil {
		var found tail
		if found, err = j.compare(f); err == nil && found == tailPartial {
			err = errors.Join(f.Truncate(j.length), f.Sync())
		}
	}
	if err = errors.Join(err, done()); err != nil {
		return err
	}
	if err := os.Remove(path + journalName); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// visible returns the length of the mailbox without what a killed process has begun to append. The caller
// has locked it for reading; nothing is changed.
func visible(path string, f *os.File) (length int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	j, done, err := readJournal(path)
	if err != nil || j == nil {
		return info.Size(), errors.Join(err, done())
	}
	defer func() { err = errors.Join(err, done()) }()
	found, err := j.compare(f)
	if found == tailPartial {
		return j.length, err
	}
	return info.Size(), err
}
