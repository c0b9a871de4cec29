package message

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// Part is a node of the body: a text, a file, another message, or a multipart of other parts. Its
// methods return changed copies, so one Part can be used in many messages. What is wrong with a part
// shows when a message with it is built.
type Part struct {
	body        partBody
	text        string // of a textBody: here, because most parts are texts, and need no further memory then
	media       string // type/subtype with parameters; "" to guess
	params      []mimewire.Parameter
	name        string
	id          string
	disposition string // "" for a body
	description string
	fields      []field
	encoding    Encoding
	flowed      bool
	legacy      bool

	fault error  // found when the part was made
	step  string // of the builder, that it was given to
	index int    // among the parts of that step
}

const (
	inline     = "inline"
	attachment = "attachment"
)

// file returns an attached file.
func file(name string, content source) Part {
	return Part{body: fileBody{content}, name: name, disposition: attachment}
}

// missing returns a file of which the caller has given nil in place of what it is read from.
func missing(name, what string) Part {
	return Part{name: name, fault: fmt.Errorf("there is no content: the %s is nil", what)}
}

// FileBytes returns a file of a name and content, to be attached or shown inline. The slice must not
// change afterwards.
func FileBytes(name string, data []byte) Part {
	return file(name, bytesSource(data))
}

// File returns a file that is read from fsys: looked at by Build, and, unless it is small, streamed
// each time the message is written. It must not change in between; one that changed its length is an
// error of WriteTo. Its file name is the last element of name.
func File(fsys fs.FS, name string) Part {
	if fsys == nil {
		return missing(path.Base(name), "fs.FS")
	}
	explain := func(err error) error {
		if err != nil && !fs.ValidPath(name) {
			return fmt.Errorf("%w: names in an fs.FS have no / at the beginning and no . or .. in them; message.Path takes a path of the system", err)
		}
		return err
	}
	return file(path.Base(name), fileSource{
		opens: func() (io.ReadCloser, error) {
			f, err := fsys.Open(name)
			return f, explain(err)
		},
		stat: func() (fs.FileInfo, error) {
			info, err := fs.Stat(fsys, name)
			return info, explain(err)
		},
	})
}

// Path returns a file of the system by its path, such as "/var/invoices/7.pdf"; otherwise it is as [File]. A relative
// path counts from the working directory. Do not build the path from what a user sends: use [File] with
// [os.Root.FS], which stays inside a folder.
func Path(name string) Part {
	if name == "" {
		return Part{fault: errors.New("a path is needed")}
	}
	return file(filepath.Base(name), fileSource{
		opens: func() (io.ReadCloser, error) { return os.Open(name) },
		stat:  func() (fs.FileInfo, error) { return os.Stat(name) },
	})
}

// FileFunc returns a file of a name and content that open gives anew each time it is called: by Build,
// which reads it to know its length, and each time the message is written.
func FileFunc(name string, open func() (io.ReadCloser, error)) Part {
	if open == nil {
		return missing(name, "function")
	}
	return file(name, funcSource(open))
}

// FileBase64 returns a file of a name whose content is given in base64, as many programming interfaces give it. Line ends and
// blanks in it count for nothing, and its padding may be missing; both alphabets of RFC 4648 are read. The content is decoded
// once, and anything else in it is an error of Build.
func FileBase64(name, content string) Part {
	content = strings.TrimRight(strings.NewReplacer("\r", "", "\n", "", " ", "", "\t", "", "-", "+", "_", "/").Replace(content), "=")
	data, err := base64.RawStdEncoding.DecodeString(content)
	p := FileBytes(name, data)
	if err != nil {
		p.fault = fmt.Errorf("the content is not base64: %w", err)
	}
	return p
}

// FileReader returns a file of a name and content that can be read once only. The first Build reads it
// into memory, and fails when it is longer than limit, in octets. It does not close r.
func FileReader(name string, r io.Reader, limit int64) Part {
	if r == nil {
		return missing(name, "io.Reader")
	}
	return file(name, &onceSource{r: r, limit: limit})
}

// AttachedMessage returns another message, whole (RFC 2046 section 5.2.1), such as a [*Message] or an *eml.Message.
func AttachedMessage(m io.WriterTo) Part {
	if m == nil {
		return missing("", "message")
	}
	return Part{body: messageBody{messageSource{m}}, disposition: attachment}
}

// WithName returns the part under a file name. Names may be any text.
func (p Part) WithName(name string) Part {
	p.name = name
	return p
}

// WithType returns the part with a content type, such as "application/pdf" or "text/csv; charset=utf-8",
// instead of a guessed one.
func (p Part) WithType(media string) Part {
	p.media = media
	return p
}

// Param returns the part with a parameter of its content type.
func (p Part) Param(name, value string) Part {
	p.params = append(slices.Clip(p.params), mimewire.Parameter{Name: name, Value: value})
	return p
}

// Encoding returns the part in an encoding of the caller's choice. Build refuses one that can't carry
// the content. Multiparts have none of their own.
func (p Part) Encoding(e Encoding) Part {
	p.encoding = e
	return p
}

// ContentID returns the part with a Content-ID, given without angle brackets, by which HTML shows it as
// "cid:" + id.
func (p Part) ContentID(id string) Part {
	p.id = id
	return p
}

// Inline returns the part as one to be shown in its place instead of offered for download.
func (p Part) Inline() Part {
	p.disposition = inline
	return p
}

// Attachment returns the part as one to be offered for download.
func (p Part) Attachment() Part {
	p.disposition = attachment
	return p
}

// Description returns the part with a Content-Description.
func (p Part) Description(text string) Part {
	p.description = text
	return p
}

// Header returns the part with a further field of free text, such as Content-Language.
func (p Part) Header(name, value string) Part {
	p.fields = append(slices.Clip(p.fields), field{name: name, text: value})
	return p
}

// LegacyName returns the part with its file name also in the name parameter of its content type, as
// an encoded-word if it is not ASCII. No standard allows that; old versions of Outlook read it.
func (p Part) LegacyName() Part {
	p.legacy = true
	return p
}

// Name returns the file name; "" for none.
func (p Part) Name() string { return p.name }

// Type returns the content type that the part was given; "" when Build is to guess it.
func (p Part) Type() string { return p.media }
