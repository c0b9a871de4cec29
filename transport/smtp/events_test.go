package smtp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/google/go-cmp/cmp"
)

// TestTranscriptOfOneMail: from a pool in which other mails are under way, by Send and by SendAll with a window, the
// dialogue of one mail can be had whole.
func TestTranscriptOfOneMail(t *testing.T) {
	for _, way := range []string{"Send", "SendAll"} {
		t.Run(way, func(t *testing.T) {
			srv := smtptest.NewServer(t)
			one := &client.Transcript{Keep: client.OfMail("mail-7")}
			var all client.Transcript
			b := relay(srv).Pool(smtp.Pool{MaxOpen: 3}).BulkWindow(4).Trace(func(e client.Event) {
				one.Add(e)
				all.Add(e)
			})
			sender := build(t, b)
			var mails []transport.Mail
			for i := range 20 {
				mails = append(mails, transport.WithKey(mail(t, fmt.Sprintf("to%d@example.org", i)), fmt.Sprintf("mail-%d", i)))
			}
			if way == "Send" {
				var sends sync.WaitGroup
				for _, m := range mails {
					sends.Go(func() {
						if _, err := sender.Send(t.Context(), m); err != nil {
							t.Error(err)
						}
					})
				}
				sends.Wait()
			} else {
				for _, err := range transport.SendAll(t.Context(), sender, slices.Values(mails)) {
					if err != nil {
						t.Error(err)
					}
				}
			}
			conns := map[uint64]bool{}
			commands, replies := 0, 0
			for _, e := range one.Events() {
				conns[e.Conn] = true
				switch e.Kind {
				case client.EventReply:
					replies++
				case client.EventCommand:
					commands++
				}
				if strings.Contains(e.Text, "TO:") && !strings.Contains(e.Text, "to7@") {
					t.Errorf("%s of another mail", e.Text)
				}
			}
			text := one.String()
			if len(conns) != 1 || conns[0] || commands < 3 || replies < 3 || !strings.Contains(text, "to7@example.org") || !strings.Contains(text, "octets of content") {
				t.Errorf("connections %v, %d commands, %d replies:\n%s", conns, commands, replies, text)
			}
			if !strings.Contains(all.String(), "-- a BDAT without a mail") {
				t.Errorf("the probe is not explained:\n%s", all.String())
			}
		})
	}
}

// TestEventWords: an event is a record of slog, its kind is a word, and JSON reads it back.
func TestEventWords(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	e := client.Event{Kind: client.EventReply, Text: "250 ok", Conn: 3, MessageID: "<1@example.org>", Key: "k"}
	client.LogTrace(logger)(e)
	logger.Info("x", "e", client.Event{Kind: client.EventContent, Conn: 4, Octets: 12})
	want := `level=DEBUG msg=smtp connection=3 event=reply text="250 ok" message_id=<1@example.org> key=k
level=INFO msg=x e.connection=4 e.event=content e.octets=12
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	for kind := client.EventConnected; kind <= client.EventNote; kind++ {
		e.Kind = kind
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var back client.Event
		if err := json.Unmarshal(text, &back); err != nil || back != e {
			t.Errorf("%s reads back as %+v, %v", text, back, err)
		}
	}
	if got := client.EventKind(99).String(); got != "event 99" {
		t.Error(got)
	}
	if err := json.Unmarshal([]byte(`{"Kind":"smell"}`), &e); err == nil {
		t.Error("an unknown kind reads without an error")
	}
}
