package file

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	netmail "net/mail"
	"os"
	"strings"
	"time"

	"github.com/depeche-mail/depeche/envelope"
	gomessage "github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"
)

// StoredMessage is a message that was read back. It is a transport.Mail: WriteTo writes the octets that were
// sent, reading them anew each time.
type StoredMessage struct {
	id       string
	time     time.Time
	envelope envelope.Envelope
	size     int64
	path     string // of the file; "" when octets are all there is
	skip     int64  // octets in front of the message
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
	head, err := s.head()
	if err != nil {
		return ""
	}
	entity, err := gomessage.Read(bytes.NewReader(head))
	if err != nil && !gomessage.IsUnknownCharset(err) && !gomessage.IsUnknownEncoding(err) {
		return ""
	}
	id, err := (&mail.Header{Header: entity.Header}).MessageID()
	if err != nil || id == "" {
		return ""
	}
	return "<" + id + ">"
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
	f, err := os.Open(s.path)
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

// head returns the beginning of the file.
func (s *StoredMessage) head() (head []byte, err error) {
	const most = 1 << 20
	r, err := s.open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return io.ReadAll(io.LimitReader(r, most))
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

// Errors of messages whose envelope was not stored and can't be told from the header for certain.
var (
	errResent = errors.New("no envelope was stored, and the message was resent: message.Parse knows to whom")
	errBcc    = errors.New("no envelope was stored, and the Bcc field would be seen by all: use message.Parse and WithoutBcc")
)

// headerEnvelope returns the envelope that the header fields of a message say. What it can't tell for
// certain is an error: mail that goes to some of its recipients, or tells them of others, is worse.
func headerEnvelope(s *StoredMessage) (env envelope.Envelope, err error) {
	r, err := s.open()
	if err != nil {
		return env, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	entity, err := gomessage.Read(bufio.NewReader(r))
	if err != nil && !gomessage.IsUnknownCharset(err) && !gomessage.IsUnknownEncoding(err) {
		return env, fmt.Errorf("header: %w", err)
	}
	header := mail.Header{Header: entity.Header}
	switch {
	case header.Has("Resent-To"), header.Has("Resent-Cc"), header.Has("Resent-Bcc"):
		return env, errResent
	case header.Has("Bcc"):
		return env, errBcc
	}
	senders, err := addresses(header, "Sender", "From")
	if err != nil {
		return env, err
	}
	to, err := addresses(header, "To", "Cc")
	if err != nil || len(to) == 0 {
		return env, err // that nobody is named is no fault of the file
	}
	var from envelope.Address
	if len(senders) > 0 {
		from = senders[0]
	}
	return envelope.New(from, to...)
}

// addresses returns the addresses of fields, each of which may stand several times.
func addresses(header mail.Header, names ...string) (all []envelope.Address, err error) {
	asItIs := func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // names do not matter
	parser := netmail.AddressParser{WordDecoder: &mime.WordDecoder{CharsetReader: asItIs}}
	for _, name := range names {
		for fields := header.FieldsByKey(name); fields.Next(); {
			list, err := parser.ParseList(fields.Value())
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			for _, a := range list {
				text := strings.Trim((&netmail.Address{Address: a.Address}).String(), "<>") // quoted where it must be
				address, err := envelope.ParseAddress(text)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
				all = append(all, address)
			}
		}
	}
	return all, nil
}
