package message

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/depeche-mail/depeche/internal/mimewire"
)

// textBody is a text, which stands in the part.
type textBody struct{}

// prepare judges a text and finds how it travels.
func (textBody) prepare(p *preparer, n *node) error { return p.text(n, n.part.text) }

// text judges the text of a part and finds how it travels.
func (p *preparer) text(n *node, text string) error {
	part := n.part
	n.text = text
	facts := mimewire.ScanText(n.text)
	if facts.EightBit && !utf8.ValidString(n.text) {
		return mimewire.ErrNotUTF8
	}
	if err := n.typed(); err != nil {
		return err
	}
	if n.media == "text/calendar" {
		if err := checkCalendar(text, n.param("method")); err != nil {
			return err
		}
	}
	if facts.Returns {
		n.text = mimewire.SimpleEnds(n.text)
		facts = mimewire.ScanText(n.text)
	}
	if part.flowed {
		if n.media != "text/plain" {
			return errors.New("only plain text can be flowed")
		}
		if err := n.addParams(mimewire.Parameter{Name: "format", Value: "flowed"}); err != nil {
			return err
		}
		n.text = mimewire.Flow(n.text)
		facts = mimewire.ScanText(n.text)
	}
	return p.travels(n, &facts)
}

// travels finds how a text of such facts, which it may change, travels, and why it can't.
func (p *preparer) travels(n *node, facts *mimewire.TextFacts) error {
	part := n.part
	if part.encoding == Binary {
		return errBinary
	}
	n.facts = facts.LineFacts
	if n.encoding = part.encoding; n.encoding == EncodingAuto {
		facts.MangledByRelays = facts.MangledByRelays && (!part.flowed || p.signed) // the spaces of flowed text are meant
		n.encoding = facts.Encoding(p.eightBit)
	}
	n.encoded = facts.EncodedSize(n.encoding)
	switch charset := n.param("charset"); {
	case charset != "":
		if facts.EightBit && !strings.EqualFold(charset, "utf-8") {
			return fmt.Errorf("the text is UTF-8, not %s", charset)
		}
	case strings.HasPrefix(n.media, "text/"):
		n.charset = "us-ascii"
		if facts.EightBit {
			n.charset = "utf-8"
		}
	}
	n.facts.EightBit = n.encoding == EightBit && facts.EightBit
	facts.Bare = false // line ends are written as they should be
	return facts.Fits(n.encoding)
}

// appendText appends a text with canonical line ends. As long as it was, it had them before.
func (n *node) appendText(dst []byte) []byte {
	if int64(len(n.text)) == n.facts.Size {
		return append(dst, n.text...)
	}
	return mimewire.AppendCanonical(dst, n.text)
}

// isWrittenLate reports whether a text stays as it is until the message is written, which needs no copy of it.
func (n *node) isWrittenLate() bool {
	const least = 256
	return len(n.text) >= least && (n.encoding == SevenBit || n.encoding == EightBit) && !n.facts.MayHoldBoundary
}

// content writes a text with canonical line ends.
func (textBody) content(r *renderer, n *node) error {
	if n.isWrittenLate() {
		r.segments = append(r.segments, segment{ready: r.take(), text: n.text, grows: int(n.facts.Size) - len(n.text)})
		return nil
	}
	const spare = 256 // for what follows the text
	if cap(r.Dst)-len(r.Dst) < n.encoded {
		r.Dst = slices.Grow(r.Dst, n.encoded+spare)
	}
	switch n.encoding {
	case QuotedPrintable:
		r.Dst = mimewire.AppendQP(r.Dst, n.text)
		if n.text != "" {
			r.endLine()
		}
	case Base64:
		return r.base64Text(n)
	default:
		start := len(r.Dst)
		r.Dst = n.appendText(r.Dst)
		if n.facts.MayHoldBoundary && r.encloses(r.Dst[start:]) {
			return errBoundary
		}
	}
	return nil
}

// base64Text writes a text in base64. A big one is not made canonical as a whole first.
func (r *renderer) base64Text(n *node) error {
	if n.facts.Size <= streamFrom {
		r.Dst = mimewire.AppendBase64(r.Dst, n.appendText(nil))
		return nil
	}
	b, _ := buffers.Get().(*mimewire.Base64Buffers)
	defer buffers.Put(b)
	_, err := b.WriteBase64(appender{&r.Dst}, mimewire.NewCanonicalReader(n.text))
	return err
}

// appender is a writer to a slice.
type appender struct{ dst *[]byte }

func (a appender) Write(p []byte) (int, error) {
	*a.dst = append(*a.dst, p...)
	return len(p), nil
}

// errBinary: a text has line ends, which this package writes as they should be.
var errBinary = errors.New("the encoding Binary is for files: leave texts and messages to Build")
