package transporttest

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport"
)

// completed is a mail that writes all of its octets and then says that they must not be delivered.
type completed struct {
	transport.Mail
	size int64
}

func (c completed) WriteTo(w io.Writer) (int64, error) {
	n, err := c.Mail.WriteTo(w)
	if err == nil {
		err = errSource
	}
	return n, err
}

func (c completed) BodyInfo() (transport.BodyInfo, bool) {
	return transport.BodyInfo{Size: c.size}, true
}

// testCompleted holds that nothing that could complete a mail leaves before WriteTo has returned nil: the mail
// has written its last octet, and a transport that has let it go by then has delivered it.
func testCompleted(t *testing.T, h Harness) {
	const header = "Subject: x\r\n\r\n"
	bodies := map[string]string{
		"small":            content[len("From: a@example.org\r\n"):],
		"no end of line":   header + "x",
		"a dot at the end": header + "x\r\n.\r\n",
	}
	for _, size := range []int{4 << 10, 16 << 10, 64 << 10, 1 << 20} { // where writers have their buffers
		bodies[fmt.Sprintf("%d octets", size)] = header + strings.Repeat("0123456789abcde\r\n", size/17)
	}
	env := newEnvelope(t, "a@example.org", "b@example.org")
	good := transport.Raw(env, []byte(content))
	one := Received{"a@example.org", []string{"b@example.org"}, []byte(content)}
	for name, data := range bodies {
		t.Run(name, func(t *testing.T) {
			tr := newTransport(t, h)
			bad := completed{transport.Raw(env, []byte(data)), int64(len(data))}
			result, err := tr.Send(t.Context(), bad)
			wantNotSent(t, result, err, errSource)
			wantReceived(t, h)
			result, err = tr.Send(t.Context(), good) // the transport is still usable
			wantAccepted(t, env, result, err)
			wantReceived(t, h, one)
		})
	}
	t.Run("among others", func(t *testing.T) {
		tr := newTransport(t, h)
		bad := completed{good, int64(len(content))}
		var want []Received
		for sent, err := range transport.SendAll(t.Context(), tr, slices.Values([]transport.Mail{good, bad, good, bad, good})) {
			switch {
			case sent.Index%2 == 1:
				wantNotSent(t, sent.Result, err, errSource)
			case err == nil:
				want = append(want, one)
			default: // it was in flight on the connection that the bad one ended
				wantNotSent(t, sent.Result, err, nil)
			}
		}
		wantReceived(t, h, want...)
	})
}
