package smtp_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/client"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// TestBinaryFile sends a composed message with a file as it is: to a server with BINARYMIME octet by octet, to one without
// not at all.
func TestBinaryFile(t *testing.T) {
	content := []byte("a\x00\r\xff\nno line end")
	msg, err := message.New().From("a@example.org").To("b@example.org").Subject("x").Text("x").
		Attach(message.FileBytes("a.bin", content).Encoding(message.Binary)).Build()
	if err != nil {
		t.Fatal(err)
	}
	want, err := msg.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for name, extensions := range map[string][]string{
		"with":    {"PIPELINING", "8BITMIME", "CHUNKING", "BINARYMIME"},
		"without": {"PIPELINING", "8BITMIME", "CHUNKING"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := smtptest.NewUnstartedServer(t)
			srv.Config.Security, srv.Config.Mechanisms, srv.Config.Extensions = smtptest.Plaintext, map[string]smtptest.Mechanism{}, extensions
			srv.Start()
			relay, err := smtp.DangerousPlaintext("127.0.0.1").Port(srv.Port()).Build()
			if err != nil {
				t.Fatal(err)
			}
			defer relay.Close()
			result, err := relay.Send(t.Context(), msg)
			if name == "without" {
				if !errors.Is(err, client.ErrNoBinaryMIME) || result.Count(transport.NotSent) != 1 || len(srv.Messages()) != 0 {
					t.Errorf("%v %v", result, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := srv.Messages(); len(got) != 1 || !bytes.Equal(got[0].Content, want) {
				t.Errorf("%d messages", len(got))
			}
		})
	}
}
