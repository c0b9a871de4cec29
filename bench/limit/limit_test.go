package limit_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/bench/limit"
	"github.com/depeche-mail/depeche/bench/sink"
	"github.com/depeche-mail/depeche/message/eml"
)

var extensions = []string{"PIPELINING", "CHUNKING", "8BITMIME"}

func dial(t *testing.T) (*sink.Server, *limit.Client) {
	t.Helper()
	server, err := sink.Start(sink.Config{Extensions: extensions})
	if err != nil {
		t.Fatal(err)
	}
	client, err := limit.Dial(server.Addr(), "a@example.org", "b@example.net", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Close() // the server may have hung up
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server, client
}

// TestClient: every way brings all mails to the server, in as many flights as it says. A busy machine cuts what is written
// at once in pieces, so that a window may take more.
func TestClient(t *testing.T) {
	const mails = 200
	source := func(dst []byte, i int) []byte {
		return append(dst, "Subject: x\r\n\r\n"+strings.Repeat("x", i)+"\r\n"...)
	}
	for name, way := range map[string]struct {
		send    func(*limit.Client) error
		flights int64
	}{
		"sequential":  {func(c *limit.Client) error { return c.Sequential(mails, source) }, 4 * mails},
		"pipelined":   {func(c *limit.Client) error { return c.Pipelined(mails, source) }, 2 * mails},
		"ahead":       {func(c *limit.Client) error { return c.Ahead(mails, source) }, mails + 1},
		"one by one":  {func(c *limit.Client) error { return c.OneByOne(mails, source) }, mails},
		"a window":    {func(c *limit.Client) error { return c.Window(mails, 64, source) }, mails / 4},
		"all at once": {func(c *limit.Client) error { return c.Window(mails, mails, source) }, mails / 4},
	} {
		t.Run(name, func(t *testing.T) {
			server, client := dial(t)
			before := server.Counts()
			if err := way.send(client); err != nil {
				t.Fatal(err)
			}
			got := server.Counts().Sub(before)
			if got.Messages != mails || got.Flights > way.flights {
				t.Errorf("%d mails, %d flights, want %d and at most %d", got.Messages, got.Flights, mails, way.flights)
			}
		})
	}
}

// TestRefused: a reply that does not say yes ends each way with an error.
func TestRefused(t *testing.T) {
	source := func(dst []byte, _ int) []byte { return append(dst, "\r\n.\r\nNO\r\n"...) }
	_, client := dial(t)
	if err := errors.Join(client.Pipelined(1, source), client.Pipelined(1, source)); err == nil {
		t.Error("a second content after the end of the first one passed")
	}
}

// TestComposed: what is composed can be read.
func TestComposed(t *testing.T) {
	h := limit.Header{From: "a@example.org", To: "b@example.net", Subject: "x"}
	text, html := "one\ntwo = 2\n", "<p>Grüße"+strings.Repeat(" and so on", 20)+"</p>\n"
	for name, mail := range map[string][]byte{"text": limit.AppendText(nil, h, text), "both": limit.AppendBoth(nil, h, text, html)} {
		m, err := eml.Parse(bytes.NewReader(mail))
		if err != nil {
			t.Fatal(err)
		}
		content, err := m.Content()
		if err != nil || strings.TrimSpace(strings.ReplaceAll(content.Text, "\r\n", "\n")) != strings.TrimSpace(text) {
			t.Errorf("%s: %q, %v", name, content.Text, err)
		}
		if name == "both" && strings.TrimSpace(content.HTML) != strings.TrimSpace(html) {
			t.Errorf("HTML %q", content.HTML)
		}
	}
}

// TestAttachment: a file arrives as its base64, which is what was said to come.
func TestAttachment(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef\xff\x00 "), 57*600/19)
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	server, client := dial(t)
	before := server.Counts()
	if err := client.Attachment(2, limit.Header{From: "a@example.org"}, path); err != nil {
		t.Fatal(err)
	}
	got, lines := server.Counts().Sub(before), int64(len(content)/57)
	if want := 2 * (int64(base64.StdEncoding.EncodedLen(len(content))) + 2*lines); got.Messages != 2 || got.Octets < want || got.Octets > want+1000 {
		t.Errorf("%d mails of %d octets, want 2 of a little more than %d", got.Messages, got.Octets, want)
	}
}
