package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/depeche-mail/depeche"
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
)

// list is a flag that may be given more than once.
type list []string

func (l *list) String() string { return strings.Join(*l, ", ") }

func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

// options are the flags.
type options struct {
	url, from, subject, text, html, eml string
	to, cc, bcc, attach, inline, header list
}

func parse(arguments []string, stderr io.Writer) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("send", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.url, "url", "", "the relay, such as smtps://user@host; default $MAIL_URL")
	flags.StringVar(&o.from, "from", "", "the author")
	flags.Var(&o.to, "to", "a recipient; may be repeated, as all lists below")
	flags.Var(&o.cc, "cc", "a recipient of a copy")
	flags.Var(&o.bcc, "bcc", "a recipient whom the others do not see")
	flags.StringVar(&o.subject, "subject", "", "the subject")
	flags.StringVar(&o.text, "text", "", "the text; default: standard input, unless -html or -eml is given")
	flags.StringVar(&o.html, "html", "", "the HTML body")
	flags.Var(&o.attach, "attach", "a file to attach")
	flags.Var(&o.inline, "inline", "id=file: an image that the HTML shows by cid:id")
	flags.Var(&o.header, "header", `a further field, such as "X-Campaign: spring"`)
	flags.StringVar(&o.eml, "eml", "", "a finished message, sent as it is to -to, -cc and -bcc")
	if err := flags.Parse(arguments); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q", flags.Arg(0))
		fmt.Fprintln(stderr, "send:", err)
		return nil, err
	}
	return o, nil
}

// relay returns the URL of the relay, with the file of its password if there is one.
func (o *options) relay(getenv func(string) string) (depeche.URL, error) {
	text := getenv(depeche.EnvURL)
	if o.url != "" {
		text = o.url
	}
	if text == "" {
		return depeche.URL{}, errors.New("no relay: set -url or MAIL_URL")
	}
	u, err := depeche.ParseURL(text)
	switch file := getenv(depeche.EnvPasswordFile); {
	case err != nil:
		return u, err
	case o.url != "" && u.HasPassword():
		return u, errors.New("-url: a password here can be read by every user of the machine; use MAIL_PASSWORD_FILE or MAIL_URL")
	case file != "":
		var ok bool
		if u, ok = u.WithPasswordFile(file); !ok {
			return u, errors.New("MAIL_PASSWORD_FILE is set, but no user in the URL of the relay lacks a password")
		}
	}
	return u, nil
}

// mail composes the message, or reads the finished one.
func (o *options) mail(stdin io.Reader) (transport.Mail, error) {
	if o.eml != "" {
		return o.finished()
	}
	if o.text == "" && o.html == "" {
		text, err := io.ReadAll(stdin)
		if err != nil {
			return nil, fmt.Errorf("standard input: %w", err)
		}
		o.text = string(text)
	}
	b := message.New().From(o.from).To(o.to...).Cc(o.cc...).Bcc(o.bcc...).Subject(o.subject)
	if o.text != "" || o.html == "" {
		b = b.Text(o.text)
	}
	if o.html != "" {
		b = b.HTML(o.html)
	}
	for _, value := range o.inline {
		id, path, ok := strings.Cut(value, "=")
		if !ok {
			return nil, fmt.Errorf("-inline %q: want id=file", value)
		}
		b = b.Inline(id, file(path))
	}
	for _, path := range o.attach {
		b = b.Attach(file(path))
	}
	for _, value := range o.header {
		name, text, ok := strings.Cut(value, ":")
		if !ok {
			return nil, fmt.Errorf("-header %q: want Name: value", value)
		}
		b = b.Header(name, strings.TrimPrefix(text, " "))
	}
	return b.Build()
}

// file is a part that is read from path.
func file(path string) message.Part {
	return message.File(os.DirFS(filepath.Dir(path)), filepath.Base(path))
}

// finished reads a message and gives it the envelope of the flags.
func (o *options) finished() (transport.Mail, error) {
	data, err := os.ReadFile(o.eml)
	if err != nil {
		return nil, err
	}
	from, err := message.ParseMailbox(o.from)
	if err != nil {
		return nil, fmt.Errorf("-from: %w", err)
	}
	var to []envelope.Address
	for _, text := range append(append(append(list{}, o.to...), o.cc...), o.bcc...) {
		m, err := message.ParseMailbox(text)
		if err != nil {
			return nil, err
		}
		to = append(to, m.Address)
	}
	env, err := envelope.New(from.Address, to...)
	if err != nil {
		return nil, err
	}
	return transport.Raw(env, data), nil
}
