package transporttest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
)

func testManyRecipients(t *testing.T, h Harness) {
	tr := newTransport(t, h)
	var to []string
	for i := range 60 { // below the 100 that every server takes (RFC 5321 section 4.5.3.1.8)
		to = append(to, fmt.Sprintf("user%d@host%d.example.org", (i*37)%60, i%7))
	}
	env := newEnvelope(t, "a@example.org", to...)
	result, err := tr.Send(t.Context(), transport.Raw(env, []byte(content)))
	wantAccepted(t, env, result, err)
	wantReceived(t, h, Received{"a@example.org", to, []byte(content)})
}

func testResultIsOwned(t *testing.T, h Harness) {
	tr := newTransport(t, h)
	env := newEnvelope(t, "a@example.org", "b@example.org", "c@example.org")
	mail := transport.Raw(env, []byte(content))
	result, err := tr.Send(t.Context(), mail)
	wantAccepted(t, env, result, err)
	clear(result.Recipients)
	result.Recipients = result.Recipients[:1]
	again, err := tr.Send(t.Context(), mail)
	wantAccepted(t, env, again, err)
}

func testContents(t *testing.T, h Harness) {
	const header = "Subject: x\r\n\r\n"
	cases := map[string]string{
		"no body":          "Subject: x\r\n",
		"empty body":       header,
		"dots":             header + ".\r\n..\r\n...\r\n.x\r\n",
		"a dot at the end": header + "x\r\n.\r\n",
		"commands":         header + "\r\n.\r\nMAIL FROM:<x@example.org>\r\nRCPT TO:<y@example.org>\r\nDATA\r\nQUIT\r\n",
		"mbox":             header + "From sender\r\n>From reader\r\n",
		"empty lines":      header + strings.Repeat("\r\n", 50),
		"the longest line": header + strings.Repeat("x", 998) + "\r\n",
		"large":            header + strings.Repeat(strings.Repeat("0123456789", 7)+"\r\n", 1<<14),
	}
	for name, data := range cases {
		t.Run(name, func(t *testing.T) {
			tr := newTransport(t, h)
			env := newEnvelope(t, "a@example.org", "b@example.org")
			result, err := tr.Send(t.Context(), transport.Raw(env, []byte(data)))
			wantAccepted(t, env, result, err)
			wantReceived(t, h, Received{"a@example.org", []string{"b@example.org"}, []byte(data)})
		})
	}
}

func testEightBit(t *testing.T, h Harness) {
	tr := newTransport(t, h)
	env := newEnvelope(t, "a@example.org", "b@example.org")
	data := []byte("Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n")
	result, err := tr.Send(t.Context(), transport.Raw(env, data))
	if err != nil {
		wantNotSent(t, result, err, nil)
		wantReceived(t, h)
		return
	}
	wantReceived(t, h, Received{"a@example.org", []string{"b@example.org"}, data})
}

// pieces is a mail that knows nothing of itself and writes itself octet by octet.
type pieces struct {
	envelope envelope.Envelope
	data     []byte
}

func (p pieces) Envelope() envelope.Envelope { return p.envelope }

func (p pieces) WriteTo(w io.Writer) (int64, error) {
	for i := range p.data {
		if n, err := w.Write(p.data[i : i+1]); err != nil {
			return int64(i + n), err
		}
	}
	return int64(len(p.data)), nil
}

func testPieces(t *testing.T, h Harness) {
	tr := newTransport(t, h)
	env := newEnvelope(t, "a@example.org", "b@example.org")
	result, err := tr.Send(t.Context(), pieces{env, []byte(content)})
	wantAccepted(t, env, result, err)
	wantReceived(t, h, Received{"a@example.org", []string{"b@example.org"}, []byte(content)})
}

// stopping is a mail that ends the ctx of its sender when a part of it is written.
type stopping struct {
	transport.Mail
	stop  context.CancelFunc
	after int64
}

func (s stopping) WriteTo(w io.Writer) (int64, error) {
	var data bytes.Buffer
	if _, err := s.Mail.WriteTo(&data); err != nil {
		return 0, err
	}
	n, err := w.Write(data.Next(int(s.after)))
	if err != nil {
		return int64(n), err
	}
	s.stop()
	m, err := w.Write(data.Bytes())
	return int64(n + m), err
}

func (s stopping) BodyInfo() (transport.BodyInfo, bool) {
	return transport.BodyInfo{Size: int64(len(content))}, true
}

func testContextEndsInBody(t *testing.T, h Harness) {
	for _, after := range []int64{0, 1, int64(len(content)) / 2, int64(len(content)) - 1} {
		t.Run(fmt.Sprintf("after %d octets", after), func(t *testing.T) {
			tr := newTransport(t, h)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			env := newEnvelope(t, "a@example.org", "b@example.org")
			mail := transport.Raw(env, []byte(content))
			result, err := tr.Send(ctx, stopping{mail, cancel, after})
			wantNotSent(t, result, err, context.Canceled)
			wantReceived(t, h)
			result, err = tr.Send(t.Context(), mail)
			wantAccepted(t, env, result, err)
			wantReceived(t, h, Received{"a@example.org", []string{"b@example.org"}, []byte(content)})
		})
	}
}
