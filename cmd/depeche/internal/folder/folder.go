// Package folder reads what a person wants to look at into an inbox, again each time that it changes: a folder of .eml files, a
// Maildir, an mbox file, or a folder of templates with sample data.
package folder

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/cmd/depeche/internal/fill"
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport/file"
)

const (
	interval = 500 * time.Millisecond
	// maxMail is the largest file that is read.
	maxMail = 64 << 20
)

// Folder is a place whose mails are in an inbox.
type Folder struct {
	path  string
	inbox *mailtest.Inbox
	key   []byte // IDs are made of names by it, so that other web sites cannot guess them
	found string // fingerprint of the files at the last look
}

// Open reads the mails of a path into the inbox.
func Open(path string, inbox *mailtest.Inbox) (*Folder, error) {
	f := &Folder{path: path, inbox: inbox, key: []byte(rand.Text())}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	_, err := f.Look()
	return f, err
}

// Follow looks for changes until ctx ends; log is told what cannot be read.
func (f *Folder) Follow(ctx context.Context, log func(error)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if _, err := f.Look(); err != nil {
				log(err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// Look reads the mails again if files have changed, and reports whether they have.
func (f *Folder) Look() (changed bool, err error) {
	files, found, err := f.files()
	if err != nil || found == f.found {
		return false, err
	}
	f.found = found
	mails, err := f.read(files)
	fresh := map[string]*mailtest.Mail{}
	for _, m := range mails {
		fresh[m.ID()] = m
	}
	for _, old := range f.inbox.Mails() {
		if m, ok := fresh[old.ID()]; ok && m.Source() == old.Source() {
			delete(fresh, old.ID())
		} else {
			f.inbox.Delete(old.ID())
		}
	}
	for _, m := range mails { // in their order
		if fresh[m.ID()] != nil {
			err = errors.Join(err, f.inbox.Keep(m))
		}
	}
	return true, err
}

// files lists what could be mails or templates, with a fingerprint of their names, sizes and times.
func (f *Folder) files() (files []string, fingerprint string, err error) {
	hash := sha256.New()
	err = filepath.WalkDir(f.path, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		depth := strings.Count(strings.TrimPrefix(path, f.path), string(filepath.Separator))
		if entry.IsDir() {
			if path != f.path && (depth > 1 || entry.Name() != "cur" && entry.Name() != "new") {
				return fs.SkipDir
			}
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it went while we looked
		}
		if err == nil && info.Mode().IsRegular() {
			files = append(files, path)
			fmt.Fprintf(hash, "%q %d %d\n", path, info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	return files, string(hash.Sum(nil)), err
}

// read makes mails of the files, the oldest first.
func (f *Folder) read(files []string) (mails []*mailtest.Mail, err error) {
	if len(files) == 1 && files[0] == f.path && filepath.Ext(f.path) != ".eml" {
		return f.mbox()
	}
	names := map[string]bool{}
	for _, path := range files {
		parent := filepath.Base(filepath.Dir(path))
		switch {
		case filepath.Ext(path) == ".eml" || filepath.Dir(path) != filepath.Clean(f.path) && (parent == "cur" || parent == "new"):
			m, errFile := f.eml(path)
			err = errors.Join(err, errFile)
			if errFile == nil {
				mails = append(mails, m)
			}
		case slices.Contains([]string{".subject", ".txt", ".html"}, filepath.Ext(path)):
			names[strings.TrimSuffix(path, filepath.Ext(path))] = true
		}
	}
	for path := range names {
		mails = append(mails, f.template(path))
	}
	slices.SortFunc(mails, func(a, b *mailtest.Mail) int {
		if c := a.Received().Compare(b.Received()); c != 0 {
			return c
		}
		return strings.Compare(a.View().Subject(), b.View().Subject())
	})
	return mails, err
}

func (f *Folder) id(name string) string {
	mac := hmac.New(sha256.New, f.key)
	mac.Write([]byte(name))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

func (f *Folder) eml(path string) (*mailtest.Mail, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxMail {
		return nil, fmt.Errorf("%s: %d octets are more than the %d that are shown", path, info.Size(), maxMail)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return mailtest.NewMail(f.id(path), envelopeOf(content), string(content), info.ModTime()), nil
}

func (f *Folder) mbox() (mails []*mailtest.Mail, err error) {
	store, err := file.Open(f.path)
	if err != nil {
		return nil, err
	}
	for stored, errMail := range store.All() {
		if errMail != nil {
			err = errors.Join(err, errMail)
			continue
		}
		var content strings.Builder
		if _, errMail := stored.WriteTo(&content); errMail != nil {
			err = errors.Join(err, errMail)
			continue
		}
		mails = append(mails, mailtest.NewMail(f.id(stored.ID()), stored.Envelope(), content.String(), stored.Time()))
	}
	return mails, err
}

// envelopeOf returns the envelope that the header fields suggest; the zero Envelope where they cannot be read.
func envelopeOf(content []byte) envelope.Envelope {
	view := mailtest.Parse(content)
	read := func(name string) (list []envelope.Address) {
		people, err := mail.ParseAddressList(view.Get(name))
		if err != nil {
			return nil
		}
		for _, p := range people {
			if address, err := envelope.ParseAddress(p.Address); err == nil {
				list = append(list, address)
			}
		}
		return list
	}
	var from envelope.Address
	if list := read("From"); len(list) > 0 {
		from = list[0]
	}
	env, err := envelope.New(from, slices.Concat(read("To"), read("Cc"), read("Bcc"))...)
	if err != nil {
		return envelope.Envelope{}
	}
	return env
}

// template fills the templates of a kind with their sample data. What goes wrong becomes the mail.
func (f *Folder) template(path string) *mailtest.Mail {
	b := message.New().From("Preview <preview@example.org>").To("Reader <reader@example.org>")
	latest := time.Time{}
	for _, extension := range []string{".subject", ".txt", ".html", ".json"} {
		if info, err := os.Stat(path + extension); err == nil && info.ModTime().After(latest) {
			latest = info.ModTime()
		}
	}
	kind, err := fill.Load(path)
	built := b.Clone()
	if err == nil {
		if kind.Set.Subject == nil {
			built = built.Subject(kind.Name)
		}
		data := kind.Sample
		if data == nil {
			data = map[string]any{}
		}
		built, err = kind.Apply(built, data)
	}
	var mail *message.Message
	if err == nil {
		mail, err = built.Date(latest).Build()
	}
	if err != nil {
		mail, err = b.Subject(filepath.Base(path) + " cannot be shown").Text(err.Error() + "\n").Date(latest).Build()
	}
	if err != nil {
		return mailtest.NewMail(f.id(path), envelope.Envelope{}, "Subject: "+filepath.Base(path)+"\r\n\r\n"+err.Error(), latest)
	}
	var content strings.Builder
	_, _ = mail.WriteTo(&content) // into memory
	return mailtest.NewMail(f.id(path), mail.Envelope(), content.String(), latest)
}
