package message_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/message"
	"github.com/google/go-cmp/cmp"
)

// fixedWords make texts of each kind: those that need an encoding, and those that can't be put together from lines.
var fixedWords = []string{
	"words and more of them, ", "<p>lines that stand in all mails\n", "ü", "日本語の本文。", "\n", "\r\n", "=", " \n", "From here\n", ".\n", "--=_aaa", "\x01",
	"\r", "\xff", `<img src="cid:logo">`, strings.Repeat("long ", 30), strings.Repeat("word", 300), strings.Repeat("日本語の本文。\n", 60),
}

func fixedText(random *rand.Rand, most int) string {
	var b strings.Builder
	odd := random.IntN(len(fixedWords)) + 1 // some texts are plain
	for range random.IntN(most) {
		b.WriteString(fixedWords[random.IntN(odd)])
	}
	return b.String()
}

// TestPieces: a text of fixed pieces and others has the octets of the whole text, or its faults, whatever stands around it. The
// fixed pieces are used again and again, at the same time.
func TestPieces(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	known, sources := make([]*message.FixedText, 60), make([]string, 60)
	for i := range known {
		sources[i] = fixedText(random, 30)
		known[i] = message.NewFixedText(sources[i])
	}
	var group sync.WaitGroup
	for seed := range uint64(4) {
		group.Go(func() {
			random := rand.New(rand.NewPCG(7, seed))
			for range 400 {
				var pieces message.TextBuilder
				var whole strings.Builder
				for range random.IntN(5) + 1 {
					if i := random.IntN(len(known)); random.IntN(3) > 0 {
						pieces.WriteFixed(known[i])
						whole.WriteString(sources[i])
						continue
					}
					text := fixedText(random, 4)
					_, _ = pieces.WriteString(text)
					whole.WriteString(text)
				}
				if diff := cmp.Diff(whole.String(), pieces.String()); diff != "" {
					t.Errorf("the text (-whole +pieces):\n%s", diff)
					return
				}
				media, change, around := kindOfText(random)
				want := around(change(message.TextPart(media, whole.String())))
				if diff := cmp.Diff(want, around(change(pieces.Part(media)))); diff != "" {
					t.Errorf("%q (-whole +pieces):\n%s", whole.String(), diff)
					return
				}
			}
		})
	}
	group.Wait()
}

// kindOfText returns a type, a change of a part of that type, and what makes a mail of the part, or says what is wrong.
func kindOfText(random *rand.Rand) (media string, change func(message.Part) message.Part, around func(message.Part) string) {
	media = []string{"text/html", "text/plain", "Text/HTML; charset=utf-8", "text/html; charset=latin1", "text/calendar", "Text/Calendar"}[min(random.IntN(6), random.IntN(6))]
	encoding := message.Encoding(max(0, random.IntN(15)-8))
	flowed, preencoded, signed := random.IntN(10) == 0, random.IntN(5) == 0, random.IntN(5) == 0
	eightBit, inline, second := random.IntN(4) == 0, random.IntN(4) == 0, random.IntN(2) == 0
	change = func(p message.Part) message.Part {
		p = p.Encoding(encoding)
		if flowed {
			p = p.Flowed()
		}
		return p
	}
	around = func(p message.Part) string {
		if preencoded {
			var err error
			if p, err = p.Preencoded(); err != nil {
				return err.Error()
			}
		}
		if signed {
			p = message.Signed("application/x-test", "none", p, func(octets io.WriterTo) (message.Part, error) {
				var signature bytes.Buffer
				_, err := octets.WriteTo(&signature)
				return message.FileBytes("signature", signature.Bytes()), err
			})
		}
		b := fixed(message.New()).From("a@example.org").To("b@example.org").HTMLPart(p)
		if eightBit {
			b = b.EightBit()
		}
		if inline {
			b = b.Inline("logo", message.FileBytes("logo.png", []byte("png")))
		}
		if second {
			b = b.Text("text\n")
		}
		m, err := b.Clone().Build()
		if err != nil {
			return err.Error()
		}
		octets, err := m.Bytes()
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(m.BodyInfo()) + string(octets)
	}
	return media, change, around
}

// TestBoundaryInFixed: another boundary is taken when a fixed text holds the first one.
func TestBoundaryInFixed(t *testing.T) {
	mail := func(lines string) string {
		text := "first\n" + lines + strings.Repeat("and what is the same in all of them\n", 10)
		var pieces message.TextBuilder
		pieces.WriteFixed(message.NewFixedText(text))
		want := build(t, good().HTML(text))
		got := string(octets(t, build(t, good().HTMLPart(pieces.Part("text/html")))))
		if diff := cmp.Diff(string(octets(t, want)), got); diff != "" {
			t.Errorf("(-whole +pieces):\n%s", diff)
		}
		return got
	}
	_, boundary, _ := strings.Cut(mail(""), `boundary="`)
	boundary, _, _ = strings.Cut(boundary, `"`)
	if again := mail("--" + boundary + "\n"); strings.Contains(again, `boundary="`+boundary) {
		t.Errorf("the boundary stands in the text:\n%s", again)
	}
}

// TestFixedIsShared: mails share the encoded lines of a fixed text, so that a mail keeps only what is its own.
func TestFixedIsShared(t *testing.T) {
	fixed := message.NewFixedText(strings.Repeat("<p>Grüße an alle, die das hier lesen.</p>\n", 1<<12))
	build := func() {
		var text message.TextBuilder
		_, _ = text.WriteString("<p>Dear Zoë,\n")
		text.WriteFixed(fixed)
		if _, err := good().HTMLPart(text.Part("text/html")).Build(); err != nil {
			t.Error(err)
		}
	}
	build()                          // encodes it
	const mails, most = 100, 8 << 10 // without race detector it is a quarter of that
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range mails {
		build()
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / mails; each > most {
		t.Errorf("%d octets a mail, at most %d", each, most)
	}
}
