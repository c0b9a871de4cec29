package file

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

// New returns a transport that writes each message to <id>.eml and its envelope to <id>.json in dir,
// which is created, for the owner alone, when it does not exist. The .eml file comes last.
func New(dir string) (*Transport, error) {
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	return &Transport{name: "file:" + dir, layout: emlFolder(dir)}, nil
}

// emlFolder is a folder of .eml and .json files.
type emlFolder string

func (d emlFolder) path(id, extension string) string { return filepath.Join(string(d), id+extension) }

func (d emlFolder) write(ctx context.Context, env envelope.Envelope, mail transport.Mail) (string, error) {
	id := newID()
	stored, err := json.MarshalIndent(env, "", "  ")
	if err != nil {
		return "", err
	}
	sidecar := d.path(id, ".json")
	err = writeWhole(ctx, sidecar+".tmp", sidecar, func(f *os.File) error {
		_, err := f.Write(append(stored, '\n'))
		return err
	})
	if err != nil {
		return "", err
	}
	path := d.path(id, ".eml")
	err = writeWhole(ctx, path+".tmp", path, func(f *os.File) error {
		_, err := mail.WriteTo(f)
		return err
	})
	if err != nil {
		return "", errors.Join(err, os.Remove(sidecar))
	}
	return id, nil
}

func (d emlFolder) all() iter.Seq2[*StoredMessage, error] {
	ids, err := d.ids()
	return each(ids, err, d.load)
}

func (d emlFolder) ids() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), ".eml"); ok && id != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

func (d emlFolder) load(id string) (*StoredMessage, error) {
	info, err := lookRegular(d.path(id, ".eml"))
	if err != nil {
		return nil, err
	}
	s := &StoredMessage{id: id, size: info.Size(), time: idTime(id), path: d.path(id, ".eml")}
	if s.time.IsZero() {
		s.time = info.ModTime()
	}
	data, err := readRegular(d.path(id, ".json"))
	switch {
	case errors.Is(err, os.ErrNotExist): // lettre's transport without envelopes, or a file of another program
		s.envelope, err = headerEnvelope(s)
	case err == nil:
		s.envelope, err = parseEnvelope(data)
	}
	return s, err
}

func (d emlFolder) remove(id string) error {
	if err := os.Remove(d.path(id, ".eml")); err != nil {
		return err
	}
	if err := os.Remove(d.path(id, ".json")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
