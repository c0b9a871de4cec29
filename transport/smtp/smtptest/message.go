package smtptest

import (
	"bytes"
	"maps"
	"slices"
	"time"
)

// Path is an address of MAIL or RCPT with its parameters.
type Path struct {
	Address string            // as it came, between the angle brackets; "" is the null sender
	Params  map[string]string // by upper-case keyword
}

// Recipient is a recipient that the server accepted at RCPT.
type Recipient struct {
	Path
	// Stored says that the server decided to take the content for this recipient.
	Stored bool
	// Reply is what the server decided at the end of the content, for LMTP for this recipient alone.
	Reply string
	// ReplyWritten says that the reply was handed to the network without an error.
	ReplyWritten bool
}

// Message is one transaction whose content began.
type Message struct {
	Session     int // from 1, in the order of the accepts
	Transaction int // from 1, in the session
	Hello       string
	User        string // of AUTH
	TLS         bool
	Time        time.Time // of the end of the content, or of the last octets

	From       Path
	Recipients []Recipient

	// Content is what the client meant, without the dots that RFC 5321 section 4.5.2 adds. It is nil
	// if [Config.DiscardContent] is set.
	Content []byte
	// Wire is the content as it came, without the line with the final dot.
	Wire []byte
	// Size is the length of Content, also if that was not kept.
	Size int64
	// Chunks is the number of BDAT commands, 0 for DATA.
	Chunks int

	// Complete says that the end of the content came.
	Complete bool
	// Stored says that the server decided for a 2yz reply, for one recipient at least.
	Stored bool
	// Reply is that decision in words; for LMTP see Recipients.
	Reply string
	// ReplyWritten says that all replies to the end were handed to the network without an error.
	ReplyWritten bool
}

// Addresses returns the addresses of the recipients that the message was stored for.
func (m Message) Addresses() []string {
	var list []string
	for _, r := range m.Recipients {
		if r.Stored {
			list = append(list, r.Address)
		}
	}
	return list
}

func (p Path) clone() Path {
	p.Params = maps.Clone(p.Params)
	return p
}

func (m *Message) clone() Message {
	out := *m
	out.From = m.From.clone()
	out.Recipients = slices.Clone(m.Recipients)
	for i := range out.Recipients {
		out.Recipients[i].Path = out.Recipients[i].clone()
	}
	out.Content = bytes.Clone(m.Content)
	out.Wire = bytes.Clone(m.Wire)
	return out
}
