package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/depeche-mail/depeche/message"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/file"
	"github.com/depeche-mail/depeche/transport/smtp"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
	"github.com/depeche-mail/depeche/transport/stub"
)

// TestWelcome runs the application function over each transport and looks at the far end.
func TestWelcome(t *testing.T) {
	folder := t.TempDir()
	server := smtptest.NewServer(t)
	recorder := stub.New()
	writer, err := file.New(folder)
	if err != nil {
		t.Fatal(err)
	}
	sender, err := smtp.StartTLSRelay(server.Host()).Port(server.Port()).TLSConfig(server.ClientTLS()).
		Login(smtptest.User, smtptest.Password).Build()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	for name, tc := range map[string]struct {
		transport transport.Transport
		arrived   func() []byte
	}{
		"stub": {recorder, func() []byte { return recorder.Messages()[0].Data }},
		"file": {writer, func() []byte {
			names, err := filepath.Glob(filepath.Join(folder, "*.eml"))
			if err != nil || len(names) != 1 {
				t.Fatalf("%v, %v", names, err)
			}
			data, err := os.ReadFile(names[0])
			if err != nil {
				t.Fatal(err)
			}
			return data
		}},
		"smtp": {sender, func() []byte { return server.Messages()[0].Content }},
	} {
		t.Run(name, func(t *testing.T) {
			to, err := message.ParseMailbox("Hei <hei@example.org>")
			if err != nil {
				t.Fatal(err)
			}
			result, err := welcome(t.Context(), tc.transport, to)
			if err != nil || !result.AllAccepted() {
				t.Fatalf("%v, %v", result, err)
			}
			if data := tc.arrived(); !bytes.Contains(data, []byte("Subject: Welcome, Hei\r\n")) {
				t.Errorf("arrived: %s", data)
			}
		})
	}
}
