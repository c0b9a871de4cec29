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

var known = transport.BodyInfo{Size: 1234, EightBit: true, EightBitHeader: true, Binary: true}

// expert is a mail that knows some facts of itself, as mails of others may.
type expert struct{ transport.Mail }

func (expert) BodyInfo() (transport.BodyInfo, bool) { return known, true }
func (expert) MessageID() string                    { return "<expert@example.org>" }

func TestWithEnvelope(t *testing.T) {
	original := mail(t, "x@example.org", "y@example.org")
	other := env(t, "z@example.org")
	cases := map[string]struct {
		mail  transport.Mail
		knows bool
		info  transport.BodyInfo
		id    string
	}{
		"raw":           {original, true, transport.BodyInfo{Size: 46}, "<1@example.org>"},
		"expert":        {expert{original}, true, known, "<expert@example.org>"},
		"knows nothing": {unsized{original}, false, transport.BodyInfo{}, ""},
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
			info, knows := got.(interface {
				BodyInfo() (transport.BodyInfo, bool)
			}).BodyInfo()
			if knows != tc.knows || info != tc.info {
				t.Errorf("knows %v: %+v, want %v: %+v", knows, info, tc.knows, tc.info)
			}
		})
	}
}
