package file

import (
	"bytes"
	"context"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// Maildir returns a transport that delivers each message to a Maildir, which mail programs can open.
// The folder is created, for the owner alone, when it does not exist. The envelope is written in front
// of the message, as Return-Path and Delivered-To fields; options of delivery are not kept.
func Maildir(dir string) (*Transport, error) {
	for _, sub := range []string{"", "tmp", "new", "cur"} {
		if dir == "" {
			return nil, makeFolder(dir)
		}
		if err := makeFolder(filepath.Join(dir, sub)); err != nil {
			return nil, err
		}
	}
	return &Transport{name: "maildir:" + dir, layout: maildir(dir)}, nil
}

type maildir string

func (d maildir) write(ctx context.Context, env envelope.Envelope, mail transport.Mail) (string, error) {
	id := newID()
	err := writeWhole(ctx, filepath.Join(string(d), "tmp", id), filepath.Join(string(d), "new", id), func(f *os.File) error {
		if _, err := f.Write(trace(env)); err != nil {
			return err
		}
		_, err := mail.WriteTo(f)
		return err
	})
	return id, err
}

// trace returns an envelope as the fields that delivery adds (RFC 5321 section 4.4).
func trace(env envelope.Envelope) []byte {
	var b bytes.Buffer
	b.WriteString("Return-Path: <" + env.From().String() + ">\r\n")
	for _, r := range env.Recipients() {
		b.WriteString("Delivered-To: " + r.Address.String() + "\r\n")
	}
	return b.Bytes()
}

// parseTrace reads what trace has written and returns the length of it; 0 when there is none.
func parseTrace(octets []byte) (env envelope.Envelope, length int) {
	var from envelope.Address
	var to []envelope.Address
	for {
		line, _, ended := bytes.Cut(octets[length:], []byte("\n"))
		name, value, _ := strings.Cut(strings.TrimRight(string(line), "\r"), ": ")
		switch {
		case !ended:
		case name == "Return-Path" && length == 0:
			text := strings.Trim(value, "<>")
			parsed, err := envelope.ParseAddress(text)
			if err != nil && text != "" {
				return envelope.Envelope{}, 0
			}
			from = parsed
			length += len(line) + 1
			continue
		case name == "Delivered-To" && length > 0:
			parsed, err := envelope.ParseAddress(value)
			if err != nil {
				return envelope.Envelope{}, 0
			}
			to = append(to, parsed)
			length += len(line) + 1
			continue
		}
		env, err := envelope.New(from, to...)
		if err != nil {
			return envelope.Envelope{}, 0
		}
		return env, length
	}
}

// folders are where messages lie: unseen and seen ones.
var folders = []string{"new", "cur"}

func (d maildir) all() iter.Seq2[*Stored, error] {
	ids, err := d.ids()
	return each(ids, err, d.load)
}

func (d maildir) ids() ([]string, error) {
	var ids []string
	for _, folder := range folders {
		entries, err := os.ReadDir(filepath.Join(string(d), folder))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if id, _, _ := strings.Cut(e.Name(), ":"); checkID(id) == nil { // flags stand behind a colon
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// find returns where a message is: mail programs move it to cur and add flags behind a colon.
func (d maildir) find(id string) (string, error) {
	for _, folder := range folders {
		path := filepath.Join(string(d), folder, id)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		entries, err := os.ReadDir(filepath.Join(string(d), folder))
		if err != nil {
			return "", err
		}
		for _, e := range entries {
			if base, _, _ := strings.Cut(e.Name(), ":"); base == id {
				return filepath.Join(string(d), folder, e.Name()), nil
			}
		}
	}
	return "", &os.PathError{Op: "find", Path: filepath.Join(string(d), id), Err: os.ErrNotExist}
}

func (d maildir) load(id string) (*Stored, error) {
	path, err := d.find(id)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	s := &Stored{id: id, size: info.Size(), time: idTime(id), path: path}
	if s.time.IsZero() {
		s.time = info.ModTime()
	}
	head, err := s.head()
	if err != nil {
		return nil, err
	}
	var length int
	if s.envelope, length = parseTrace(head); length > 0 {
		s.skip, s.size = int64(length), s.size-int64(length)
		return s, nil
	}
	s.envelope, err = headerEnvelope(s)
	return s, err
}

func (d maildir) remove(id string) error {
	path, err := d.find(id)
	if err != nil {
		return err
	}
	return os.Remove(path)
}
