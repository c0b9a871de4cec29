package catch

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/file"
)

// store keeps the mails of an inbox in a folder: <id>.eml with its envelope in <id>.json.
type store struct {
	inbox  *mailtest.Inbox
	writer *file.Transport
	reader *file.Store

	mu    sync.Mutex
	saved map[string]bool // what is in the folder
}

// openStore puts the mails of a folder into the inbox.
func openStore(folder string, inbox *mailtest.Inbox) (*store, error) {
	writer, err := file.New(folder)
	if err != nil {
		return nil, err
	}
	reader, err := file.Open(folder)
	if err != nil {
		return nil, err
	}
	s := &store{inbox: inbox, writer: writer, reader: reader, saved: map[string]bool{}}
	for stored, err := range reader.All() {
		if err != nil {
			return nil, err
		}
		var content strings.Builder
		if _, err := stored.WriteTo(&content); err != nil {
			return nil, err
		}
		s.saved[stored.ID()] = true
		if err := inbox.Keep(mailtest.NewMail(stored.ID(), stored.Envelope(), content.String(), stored.Time())); err != nil {
			return nil, fmt.Errorf("%s: %w", stored.ID(), err)
		}
	}
	if n := len(inbox.Mails()); n < len(s.saved) {
		return nil, fmt.Errorf("%s holds %d mails, and %d of them may be kept; nothing was removed: raise the limits, or take another folder", folder, len(s.saved), n)
	}
	return s, nil
}

// save writes a mail to disk, and returns its ID.
func (s *store) save(ctx context.Context, mail transport.Mail) (string, error) {
	result, err := s.writer.Send(ctx, mail)
	if err != nil {
		return "", err
	}
	return result.QueueID, nil
}

// kept remembers that a mail of the folder was given to the inbox, so that its file goes when it is not there any more.
func (s *store) kept(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved[id] = true
}

// follow removes from the folder what has left the inbox, until ctx ends.
func (s *store) follow(ctx context.Context, log func(Event)) {
	for {
		changed := s.inbox.Changed()
		s.tidy(log)
		select {
		case <-changed:
		case <-ctx.Done():
			s.tidy(log)
			return
		}
	}
}

// tidy removes the files of mails that were in the inbox and are gone.
func (s *store) tidy(log func(Event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	there := map[string]bool{}
	for _, mail := range s.inbox.Mails() {
		there[mail.ID()] = true
	}
	for id := range s.saved {
		if there[id] {
			continue
		}
		if err := s.reader.Remove(id); err != nil {
			log(Event{Event: "store failed", ID: id, Error: err.Error()})
		}
		delete(s.saved, id)
	}
}
