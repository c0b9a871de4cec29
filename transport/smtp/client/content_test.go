package client_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/internal/bodyscan"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// shifty is a mail that is another one when it is read again, as a file is that changes on disk.
type shifty struct {
	env      envelope.Envelope
	readings []string // the last one stays
	read     int
}

func (m *shifty) Envelope() envelope.Envelope { return m.env }

func (m *shifty) WriteTo(w io.Writer) (int64, error) {
	text := m.readings[min(m.read, len(m.readings)-1)]
	m.read++
	n, err := io.WriteString(w, text)
	return int64(n), err
}

// boastful is a mail that says of itself how long it is.
type boastful struct {
	*shifty
	size int64
}

func (m boastful) BodyInfo() (bodyscan.Info, bool) { return bodyscan.Info{Size: m.size}, true }

// TestContentIsWhatWasPlanned: a mail that is shorter or longer than it said, or than it was at first, is not
// ended, in no form: it is NotSent and the server has nothing of it. The mail before it has its verdict.
func TestContentIsWhatWasPlanned(t *testing.T) {
	const head = "Subject: x\r\n\r\n"
	line := strings.Repeat("x", 70) + "\r\n"
	long, short := head+strings.Repeat(line, 3000), head+strings.Repeat(line, 1500)
	tiny, nearly := head+line, head+line+"."+line
	for name, form := range forms {
		for kind, tc := range map[string]struct {
			readings []string
			size     int
		}{
			"shorter":                 {[]string{long, short}, 0},
			"longer":                  {[]string{short, long}, 0},
			"a line longer":           {[]string{tiny, nearly}, 0},
			"a line shorter":          {[]string{nearly, tiny}, 0},
			"shorter than its Size":   {[]string{short}, len(long)},
			"longer than its Size":    {[]string{long}, len(short)},
			"empty in the end":        {[]string{tiny, ""}, 0},
			"an octet short":          {[]string{tiny}, len(tiny) + 1},
			"an octet more than Size": {[]string{tiny}, len(tiny) - 1},
		} {
			t.Run(name+" "+kind, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					o := &oracle{keywords: form.keywords, lmtp: form.cfg.LMTP}
					near, far := net.Pipe()
					go o.serve(far)
					cfg := form.cfg
					cfg.TLS = client.TLSNone
					conn, err := client.New(t.Context(), near, cfg)
					if err != nil {
						t.Fatal(err)
					}
					var bad client.Mail = &shifty{env: testEnvelope(t, "s1@x.org", "b@x.org"), readings: tc.readings}
					if tc.size > 0 {
						bad = boastful{bad.(*shifty), int64(tc.size)} //nolint:forcetypeassert // made above
					}
					good := newMail(t, "from s0@x.org\nto a@x.org\n\nSubject: x\n\nx\n")
					receipts := sendBoth(t, conn, form.window, good, bad)
					_ = conn.Close()
					if v := receipts[0].Recipients[0]; v.Outcome != client.Accepted || len(o.taken) != 1 {
						t.Errorf("the good one: %v, taken %d", v, len(o.taken))
					}
					v, err := receipts[1].Recipients[0], receipts[1].Err
					f, failed := receipts[1].Failure()
					if v.Outcome != client.NotSent || !failed || f.Temporary() || !strings.Contains(err.Error(), "octets") {
						t.Errorf("%v, %v", v, err)
					}
				})
			})
		}
	}
}

// sendBoth sends two mails one by one, or by Stream.
func sendBoth(t *testing.T, conn *client.Conn, window int, first, second client.Mail) (receipts [2]*client.Result) {
	t.Helper()
	if window == 0 {
		return [2]*client.Result{conn.Send(t.Context(), first), conn.Send(t.Context(), second)}
	}
	feed := &list{jobs: []*client.BulkJob{{Mail: first}, {Mail: second, Index: 1}}}
	_ = conn.Stream(t.Context(), client.Window{Messages: window}, feed, func(j *client.BulkJob) { receipts[j.Index] = j.Result }) // the receipts tell
	return receipts
}

// TestTransactionHoldsItsSize: content that the caller writes is held to the size that was announced.
func TestTransactionHoldsItsSize(t *testing.T) {
	const text = "Subject: x\r\n\r\nx\r\n"
	for name, form := range forms {
		if form.window > 0 {
			continue
		}
		for _, wrong := range []int64{-1, 1, 70 << 10} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					o := &oracle{keywords: form.keywords, lmtp: form.cfg.LMTP}
					conn := open(t, o, form.cfg)
					tx, err := conn.Begin(t.Context(), testEnvelope(t, "s@x.org", "a@x.org"), client.ContentInfo{Size: int64(len(text)) + wrong})
					if err != nil {
						t.Fatal(err)
					}
					_, _ = io.WriteString(tx, text) // Close tells
					_ = tx.Close()                  // the receipt tells
					receipt := tx.Result()
					_ = conn.Close()
					if receipt.Err == nil || receipt.Recipients[0].Outcome != client.NotSent || len(o.taken) != 0 {
						t.Errorf("%v, %v, taken %v", receipt.Err, receipt.Recipients, o.taken)
					}
				})
			})
		}
	}
}
