// Package oddmail is a corpus of small odd mails, each with what is right to read in it and why. They were written
// for this project, one for each form that was seen to be read wrong, and hold no mail of a person. The readers of
// this module are tested with them, and compared over them with those of other languages.
package oddmail

import (
	"slices"
	"strings"
)

// Mail is one mail of the corpus.
type Mail struct {
	Name   string // unique
	Why    string // why Want is right: the standard, or who writes such mail
	Octets string
	Want   Want
}

// Want is what is right to read in a mail.
type Want struct {
	Subject string
	// To has the addresses of To, Cc and Bcc, with a blank between. It is "" when an element can't be read for certain,
	// so that the mail must not be sent.
	To    string
	Text  string
	HTML  string
	Files []File
	Date  string // in RFC 3339; "" for none
	IDs   string // Message-ID, and then the references, with a blank between
}

// File is an attachment, or an inline part.
type File struct {
	Name, Type string
	Data       string
}

// Corpus returns all mails.
func Corpus() []Mail {
	return slices.Concat(addresses(), oddLines(), encodings(), multiparts(), fileNames(), charsets(), words(), dates(), ids(), bodies())
}

// The mail that all others are variations of.
const (
	usualFrom = "From: a@x.example\r\n"
	usualTo   = "To: b@x.example\r\n"
)

func usual() Want { return Want{Subject: "odd", To: "b@x.example", Text: "body\n"} }

// header returns a mail with a further header field, and what is right to read in it.
func header(name, why, field string, change func(*Want)) Mail {
	w := usual()
	change(&w)
	return Mail{name, why, usualFrom + usualTo + field + "\r\nSubject: odd\r\n\r\nbody\r\n", w}
}

// body returns a mail with further header fields and a body of its own. Lines end with LF in the arguments.
func body(name, why, fields, content string, w Want) Mail {
	w.Subject, w.To = "odd", "b@x.example"
	if fields != "" {
		fields += "\n"
	}
	return Mail{name, why, usualFrom + usualTo + "Subject: odd\r\n" + crlf(fields+"\n"+content), w}
}

func crlf(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
}
