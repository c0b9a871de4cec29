package file

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"iter"
	"maps"
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

// trace returns an envelope as the fields that delivery adds (RFC 5321 section 4.4). Return-Path is the
// last of them, so that fields of the same names in the message are not taken for the envelope.
func trace(env envelope.Envelope) []byte {
	var b bytes.Buffer
	for _, r := range env.Recipients() {
		b.WriteString(deliveredTo + r.Address.String() + "\r\n")
	}
	b.WriteString(returnPath + "<" + env.From().String() + ">\r\n")
	return b.Bytes()
}

const (
	deliveredTo = "Delivered-To: "
	returnPath  = "Return-Path: "
)

// readTrace reads what trace has written and returns the length of it; 0 when something else is there.
func readTrace(r *bufio.Reader) (env envelope.Envelope, length int64, err error) {
	const longest = 1 << 10 // of a line with an address
	var to []envelope.Address
	for {
		line, err := r.ReadSlice('\n')
		if len(line) > longest || err != nil {
			return envelope.Envelope{}, 0, nil // this package did not write the line
		}
		length += int64(len(line))
		text := strings.TrimRight(string(line), "\r\n")
		if address, ok := strings.CutPrefix(text, deliveredTo); ok {
			parsed, err := envelope.ParseAddress(address)
			if err != nil {
				return envelope.Envelope{}, 0, nil
			}
			to = append(to, parsed)
			continue
		}
		path, ok := strings.CutPrefix(text, returnPath)
		if !ok || len(to) == 0 {
			return envelope.Envelope{}, 0, nil
		}
		var from envelope.Address
		if path != "<>" {
			if from, err = envelope.ParseAddress(strings.Trim(path, "<>")); err != nil {
				return envelope.Envelope{}, 0, nil
			}
		}
		env, err = envelope.New(from, to...)
		return env, length, err
	}
}

// folders are where messages lie: unseen and seen ones.
var folders = []string{"new", "cur"}

func (d maildir) all() iter.Seq2[*StoredMessage, error] {
	paths, err := d.paths()
	return each(slices.Sorted(maps.Keys(paths)), err, func(id string) (*StoredMessage, error) {
		s, err := read(id, paths[id])
		if errors.Is(err, os.ErrNotExist) { // it was moved or got other flags meanwhile
			return d.load(id)
		}
		return s, err
	})
}

// paths returns where each message is, by its id. One that is being moved may be seen in both folders.
func (d maildir) paths() (map[string]string, error) {
	paths := map[string]string{}
	for _, folder := range folders {
		entries, err := os.ReadDir(filepath.Join(string(d), folder))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			id, _, _ := strings.Cut(e.Name(), ":") // flags follow a colon
			if e.Type().IsRegular() && !strings.HasPrefix(id, ".") {
				paths[id] = filepath.Join(string(d), folder, e.Name())
			}
		}
	}
	return paths, nil
}

// find returns where a message is: mail programs move it to cur and add flags after a colon.
func (d maildir) find(id string) (string, error) {
	for _, folder := range folders {
		path := filepath.Join(string(d), folder, id)
		if _, err := os.Lstat(path); err == nil {
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

func (d maildir) load(id string) (*StoredMessage, error) {
	path, err := d.find(id)
	if err != nil {
		return nil, err
	}
	return read(id, path)
}

// read reads the message in a file.
func read(id, path string) (*StoredMessage, error) {
	info, err := lookRegular(path)
	if err != nil {
		return nil, err
	}
	s := &StoredMessage{id: id, size: info.Size(), time: idTime(id), path: path}
	if s.time.IsZero() {
		s.time = info.ModTime()
	}
	return s, s.readEnvelope()
}

func (d maildir) remove(id string) error {
	path, err := d.find(id)
	if err != nil {
		return err
	}
	return os.Remove(path)
}
