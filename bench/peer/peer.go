// Package peer gives the libraries that a benchmark compares one shape: open a connection, send finished
// messages over it, close it. Each is used as its own documentation shows it.
package peer

import (
	"crypto/tls"
	"net"
	"strconv"
)

// Target is the server that all libraries send to.
type Target struct {
	Host string
	Port int
	TLS  *tls.Config // TLS from the first octet; nil for none
}

// Addr returns host and port in one string.
func (t Target) Addr() string { return net.JoinHostPort(t.Host, strconv.Itoa(t.Port)) }

// Load is one message for one recipient.
type Load struct {
	From, To string
	Header   []Field // in order
	Body     string  // CRLF lines
}

// Field is one line of a header.
type Field struct{ Name, Value string }

// Octets returns the message as it travels.
func (l Load) Octets() []byte {
	var text []byte
	for _, f := range l.Header {
		text = append(text, f.Name+": "+f.Value+"\r\n"...)
	}
	return append(append(text, "\r\n"...), l.Body...)
}

// Session sends one load over one connection.
type Session interface {
	Send() error
	Close() error
}

// Peer is a library.
type Peer struct {
	Name string
	Open func(to Target, load Load) (Session, error)
}

// All returns the libraries. The first is what the others are compared with.
func All() []Peer {
	return []Peer{
		{"net/smtp", openNetSMTP},
		{"go-smtp", openGoSMTP},
		{"gomail.v2", openGomail},
		{"go-mail", openGoMail},
		{"depeche", openDepeche},
	}
}
