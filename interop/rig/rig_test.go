package rig_test

import (
	"bytes"
	"net"
	"net/smtp"
	"os"
	"testing"

	"github.com/depeche-mail/depeche/interop/rig"
	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// TestPostfix sends with the standard library over STARTTLS with a login, so that a fault of the rig is
// told from one of ours.
func TestPostfix(t *testing.T) {
	r := rig.Start(t, "postfix")
	conn, err := net.Dial("tcp", r.Get(t, "POSTFIX_SUBMISSION_ADDR"))
	if err != nil {
		t.Fatal(err)
	}
	host, _ := r.HostPort(t, "POSTFIX_SUBMISSION_ADDR")
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	config := r.TLS(t)
	config.ServerName = host
	if err := client.StartTLS(config); err != nil {
		t.Fatal(err)
	}
	if err := client.Auth(smtp.PlainAuth("", r.Get(t, "RIG_USER"), r.Get(t, "RIG_PASS"), host)); err != nil {
		t.Fatal(err)
	}
	const message = "Subject: raw\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream; name=x\r\n" +
		"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n"
	if err := client.Mail("alice@rig.test"); err != nil {
		t.Fatal(err)
	}
	if err := client.Rcpt("raw@rig.test"); err != nil {
		t.Fatal(err)
	}
	w, err := client.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(message)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := client.Quit(); err != nil {
		t.Error(err)
	}
	stored := r.Stored(t, "POSTFIX_MAIL", "raw", 1)[0]
	if !bytes.Contains(stored, []byte("Subject: raw")) {
		t.Errorf("stored is\n%s", stored)
	}
	want := []rig.Attachment{{
		Name: "x", Type: "application/octet-stream", Size: 5,
		SHA256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", // of "hello"
	}}
	if diff := cmp.Diff(want, rig.Attachments(t, stored)); diff != "" {
		t.Error(diff)
	}
}
