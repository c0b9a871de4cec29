package file

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/mimeread"
)

// StoredMessage is a message that was read back. It is a transport.Mail: WriteTo writes the octets that were
// sent, reading them anew each time.
type StoredMessage struct {
	id       string
	time     time.Time
	envelope envelope.Envelope
	size     int64
	path     string // of the file; "" when octets are all there is
	skip     int64  // octets before the message
	octets   []byte
}

// ID returns what [Store.Get] finds the message by.
func (s *StoredMessage) ID() string { return s.id }

// Time returns when the message was written; the zero time when that is not known.
func (s *StoredMessage) Time() time.Time { return s.time }

// Envelope returns the envelope that the message was sent with. Where none was stored it is what the
// header fields say, and the zero Envelope when they name no recipient; a message whose fields can't be
// read, name Bcc recipients or tell of a resending is not read back at all.
func (s *StoredMessage) Envelope() envelope.Envelope { return s.envelope }

// MessageID returns the Message-ID with its angle brackets; "" for none that can be read.
func (s *StoredMessage) MessageID() string {
	section, err := s.section()
	if err != nil {
		return ""
	}
	if ids := mimeread.MessageIDs(section.First("Message-ID"), true); len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// String returns the id and the envelope.
func (s *StoredMessage) String() string { return s.id + ": " + s.envelope.String() }

// Size returns the number of octets.
func (s *StoredMessage) Size() int64 { return s.size }

// open returns the octets. The caller closes it.
func (s *StoredMessage) open() (io.ReadCloser, error) {
	if s.path == "" {
		return io.NopCloser(bytes.NewReader(s.octets[s.skip:])), nil
	}
	f, err := openRegular(s.path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(s.skip, io.SeekStart); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// readEnvelope takes the envelope off the front of the octets, or else out of the header fields.
func (s *StoredMessage) readEnvelope() (err error) {
	r, err := s.open()
	if err != nil {
		return err
	}
	env, length, err := readTrace(bufio.NewReader(r))
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	if length == 0 {
		s.envelope, err = headerEnvelope(s)
		return err
	}
	s.envelope, s.skip, s.size = env, length, s.size-length
	return nil
}

// WriteTo writes the message.
func (s *StoredMessage) WriteTo(w io.Writer) (n int64, err error) {
	r, err := s.open()
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return io.Copy(w, r)
}

// stored is the JSON of an envelope, in our form or in that of lettre.
type storedEnvelope struct {
	To      json.RawMessage    `json:"to"`
	Forward []envelope.Address `json:"forward_path"`
	Reverse *envelope.Address  `json:"reverse_path"`
}

// parseEnvelope reads the file beside an .eml file.
func parseEnvelope(data []byte) (envelope.Envelope, error) {
	var form storedEnvelope
	if err := json.Unmarshal(data, &form); err != nil {
		return envelope.Envelope{}, fmt.Errorf("envelope: %w", err)
	}
	if form.To != nil || form.Forward == nil {
		var env envelope.Envelope
		if err := json.Unmarshal(data, &env); err != nil {
			return envelope.Envelope{}, fmt.Errorf("envelope: %w", err)
		}
		return env, nil
	}
	var from envelope.Address
	if form.Reverse != nil {
		from = *form.Reverse
	}
	return envelope.New(from, form.Forward...)
}
