package message

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"github.com/depeche-mail/depeche/internal/mimewire"
	gomessage "github.com/emersion/go-message"
)

// Bounds of what is looked at in a body that somebody else controls.
const (
	mostDepth  = 32
	mostLeaves = 1000
)

// Content is the body of a message, taken apart.
type Content struct {
	Text        string // the plain text form; "" for none
	HTML        string // the HTML form; "" for none
	Attachments []Part // everything else: files, inline parts, other messages
}

// Content takes the body apart. Texts are decoded to UTF-8 with LF line ends as they were written;
// parts that can't be decoded are an error. Attachments can be attached to another message as they are.
func (p *ParsedMessage) Content() (Content, error) {
	var w bodyWalker
	entity, err := gomessage.Read(strings.NewReader(string(p.octets)))
	if err == nil || gomessage.IsUnknownCharset(err) || gomessage.IsUnknownEncoding(err) {
		err = w.walk(entity, 0, err)
	}
	if err != nil {
		return Content{}, fmt.Errorf("message: body: %w", err)
	}
	return w.content, nil
}

type bodyWalker struct {
	content Content
	leaves  int
	text    bool
	html    bool
	ids     map[string]bool // of the attachments so far
}

// walk goes through an entity, whose reading gave err.
func (w *bodyWalker) walk(e *gomessage.Entity, depth int, err error) error {
	if gomessage.IsUnknownEncoding(err) {
		return err
	}
	if depth > mostDepth {
		return fmt.Errorf("nested deeper than %d levels", mostDepth)
	}
	parts := e.MultipartReader()
	if parts == nil {
		if w.leaves++; w.leaves > mostLeaves {
			return fmt.Errorf("more than %d parts", mostLeaves)
		}
		return w.leaf(e, err != nil)
	}
	for {
		child, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !gomessage.IsUnknownCharset(err) && !gomessage.IsUnknownEncoding(err):
			return err
		}
		if err := w.walk(child, depth+1, err); err != nil {
			return err
		}
	}
}

// leaf takes a part without parts; encoded says that its text is in its charset still.
func (w *bodyWalker) leaf(e *gomessage.Entity, encoded bool) error {
	content, err := io.ReadAll(e.Body)
	if err != nil {
		return err
	}
	media, params, err := e.Header.ContentType()
	if err != nil || media == "" {
		media, params = "text/plain", nil // RFC 2045 section 5.2
		if err != nil {
			media = unknownType
		}
	}
	disposition, dparams, _ := mime.ParseMediaType(e.Header.Get("Content-Disposition"))
	name := dparams["filename"]
	if name == "" {
		name = params["name"]
	}
	delete(params, "name")
	charset := params["charset"]
	if !encoded {
		charset = ""
	}
	isBody := disposition != attachment && name == ""
	switch {
	case isBody && media == "text/plain" && !w.text:
		w.text = true
		w.content.Text, err = decodeText(content, charset)
		return err
	case isBody && media == "text/html" && !w.html:
		w.html = true
		w.content.HTML, err = decodeText(content, charset)
		return err
	}
	if !encoded && params["charset"] != "" && strings.HasPrefix(media, "text/") {
		params["charset"] = "utf-8" // the reader below has decoded it
	}
	part := w.attachment(media, params, content)
	part = part.WithName(strings.ReplaceAll(withoutControls(decodeWords(name)), "\t", " "))
	if disposition == inline {
		part = part.Inline()
	}
	if id := bareID(e.Header.Get("Content-Id")); isVisible(id) && len(id) <= mimewire.TooLong && !w.ids[id] {
		if w.ids == nil {
			w.ids = map[string]bool{}
		}
		w.ids[id] = true
		part = part.ContentID(id)
	}
	w.content.Attachments = append(w.content.Attachments, part)
	return nil
}

// attachment returns a part that Build takes, whatever others have called it: a type that can't be
// written becomes one that says nothing.
func (w *bodyWalker) attachment(media string, params map[string]string, content []byte) Part {
	if media == "message/rfc822" {
		if p, err := parse(content, true); err == nil {
			return AttachedMessage(p.WithCRLF())
		}
		media, params = unknownType, nil
	}
	part := FileBytes("", content)
	n := node{part: &part}
	part.media = mime.FormatMediaType(media, params)
	if part.media == "" || strings.HasPrefix(media, "multipart/") || n.typed() != nil {
		part.media = unknownType
	}
	return part
}

const unknownType = "application/octet-stream"

// decodeText returns text as UTF-8. What is in an unknown charset loses what is not.
func decodeText(content []byte, charset string) (string, error) {
	text := string(content)
	if r, err := charsetReader(charset, strings.NewReader(text)); err == nil {
		decoded, err := io.ReadAll(r)
		if err != nil {
			return "", err
		}
		text = string(decoded)
	}
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), "\ufffd"), nil
}
