package depeche

import (
	"errors"
	"net/url"
	"strings"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/file"
	"github.com/depeche-mail/depeche/transport/smtp"
)

// The schemes of places where messages are kept.
const (
	schemeFile    = "file"
	schemeMaildir = "maildir"
	schemeMbox    = "mbox"
)

var errPath = errors.New("want a path after the colon, or // and a path that begins with /; percent-encode % ? # in it")

// readPath reads what follows the colon: "a/b", "/a/b" or "///a/b" (RFC 8089 section 2).
func readPath(rest string) (string, error) {
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		if !strings.HasPrefix(after, "/") { // the host of a URL with two slashes
			return "", errPath
		}
		rest = after
	}
	if strings.ContainsAny(rest, "?#") {
		return "", errPath
	}
	path, err := url.PathUnescape(rest)
	if err != nil {
		return "", errPath
	}
	return path, nil
}

// pathText is what readPath reads, with the scheme.
func pathText(scheme, path string) string {
	if strings.HasPrefix(path, "/") {
		scheme += "://"
	} else {
		scheme += ":"
	}
	return scheme + (&url.URL{Path: path}).EscapedPath()
}

// folder is the form of a place where messages are kept: file, maildir and mbox.
type folder struct {
	local

	scheme, path string
}

func readFolder(scheme, rest string) (form, error) {
	path, err := readPath(rest)
	if err != nil {
		return nil, fault(scheme, err)
	}
	return folder{scheme: scheme, path: path}, nil
}

func (f folder) open() (transport.Transport, error) {
	switch f.scheme {
	case schemeMaildir:
		return opened(file.Maildir(f.path))
	case schemeMbox:
		return opened(file.Mbox(f.path))
	}
	return opened(file.New(f.path))
}

func (f folder) text(func(smtp.URL) string) string { return pathText(f.scheme, f.path) }

func (f folder) withPasswordFile(string) (form, bool) { return f, false }
