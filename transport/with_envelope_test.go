package transport_test

import (
	"bytes"
	"testing"

	"github.com/depeche-mail/depeche/transport"
)

func mail(t *testing.T, to ...string) transport.Mail {
	t.Helper()
	return transport.Raw(env(t, to...), []byte("Subject: x\r\nMessage-ID: <1@example.org>\r\n\r\nx\r\n"))
}

// unsized is a mail that knows nothing of itself.
type unsized struct{ transport.Mail }

// expert is a mail that knows some facts of itself, as mails of others may.
type expert struct{ transport.Mail }

func (expert) Size() int64           { return 1234 }
func (expert) Needs8BitMIME() bool   { return true }
func (expert) NeedsSMTPUTF8() bool   { return true }
func (expert) NeedsBinaryMIME() bool { return true }
func (expert) MessageID() string     { return "<expert@example.org>" }

func TestWithEnvelope(t *testing.T) {
	original := mail(t, "x@example.org", "y@example.org")
	other := env(t, "z@example.org")
	type sized interface{ Size() int64 }
	type eight interface{ Needs8BitMIME() bool }
	type utf8 interface{ NeedsSMTPUTF8() bool }
	type binary interface{ NeedsBinaryMIME() bool }
	cases := map[string]struct {
		mail  transport.Mail
		knows bool
		size  int64
		is    bool // 8-bit, UTF-8 and binary
		id    string
	}{
		"raw":           {original, true, original.(sized).Size(), false, "<1@example.org>"},
		"expert":        {expert{original}, true, 1234, true, "<expert@example.org>"},
		"knows nothing": {unsized{original}, false, 0, false, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := transport.WithEnvelope(transport.WithEnvelope(tc.mail, env(t, "a@example.org")), other)
			var was, is bytes.Buffer
			_, _ = original.WriteTo(&was)
			if n, err := got.WriteTo(&is); err != nil || n != int64(is.Len()) || !bytes.Equal(was.Bytes(), is.Bytes()) {
				t.Errorf("wrote %q, %v", is.Bytes(), err)
			}
			if got.Envelope().Len() != 1 || got.Envelope().At(0) != other.At(0) {
				t.Errorf("envelope %v", got.Envelope().Recipients())
			}
			if id := transport.MessageID(got); id != tc.id {
				t.Errorf("Message-ID %q", id)
			}
			if b, ok := got.(binary); !ok || b.NeedsBinaryMIME() != tc.is {
				t.Error("NeedsBinaryMIME is wrong")
			}
			size, knows := got.(sized)
			if knows != tc.knows {
				t.Fatalf("knows its size: %v", knows)
			}
			if knows && (size.Size() != tc.size || got.(eight).Needs8BitMIME() != tc.is || got.(utf8).NeedsSMTPUTF8() != tc.is) {
				t.Error("other facts than those of the mail")
			}
		})
	}
}
