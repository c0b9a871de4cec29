package cli_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/cmd/depeche/internal/cli"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// serve runs a command that serves until stop, and returns what it printed first.
func serve(t *testing.T, arguments ...string) (first string, out, errors *safe, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w, out, errors := world("")
	ended := make(chan int, 1)
	go func() { ended <- cli.Run(ctx, arguments, w) }()
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(out.String(), "\n"); {
		select {
		case status := <-ended:
			cancel()
			t.Fatalf("ended with %d: %s", status, errors)
		default:
			if time.Now().After(deadline) {
				cancel()
				t.Fatal("it says nothing")
			}
			time.Sleep(time.Millisecond) // the command has no other sign that it is ready than its line
		}
	}
	return out.String(), out, errors, func() int {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		return <-ended
	}
}

func get(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v, %s", address, response.Status, err, body)
	}
	return string(body)
}

// TestCatchJSON starts a server as a script does: it reads the addresses, sends, waits, and reads what was caught.
func TestCatchJSON(t *testing.T) {
	first, out, _, stop := serve(t, "catch", "--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--json")
	var at struct{ Event, SMTP, API string }
	if err := json.Unmarshal([]byte(first), &at); err != nil || at.Event != "started" {
		t.Fatal(first, err)
	}
	got := run(t, []string{"send", "--url", "smtp://" + at.SMTP, "--from", "a@example.org", "--to", "b@example.org", "--subject", "hello", "--text", "x"}, "")
	if got.status != 0 {
		t.Fatal(got)
	}
	if text := get(t, at.API+"wait?q=subject:hello"); !strings.Contains(text, `"recipients":["b@example.org"]`) {
		t.Error(text)
	}
	if status := stop(); status != 0 {
		t.Error(status)
	}
	if !strings.Contains(out.String(), `{"event":"caught","id":"`) || !strings.Contains(out.String(), `"mail":"\"hello\" to b@example.org"`) {
		t.Error(out)
	}
}

// TestCatchSays tells a person where to send, and what to trust.
func TestCatchSays(t *testing.T) {
	authority := filepath.Join(t.TempDir(), "authority.pem")
	_, out, errors, stop := serve(t, "catch", "--smtp", "0.0.0.0:0", "--http", "127.0.0.1:0", "--tls", "starttls", "--authority", authority, "--relay", "stub:")
	if status := stop(); status != 0 {
		t.Error(status)
	}
	for _, want := range []string{"SMTP  ", "(any login)", "page  http://127.0.0.1:", "TLS   starttls", "-----BEGIN CERTIFICATE-----"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in %s", want, out)
		}
	}
	if !strings.Contains(errors.String(), "0.0.0.0:0 can be reached from other machines") {
		t.Error(errors)
	}
	// The address is taken: another attempt may work.
	first, _, _, stop := serve(t, "catch", "--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--lmtp")
	taken := regexp.MustCompile(`LMTP  (\S+)`).FindStringSubmatch(first)
	if got := run(t, []string{"catch", "--smtp", taken[1], "--http", "127.0.0.1:0"}, ""); got.status != 75 || !strings.Contains(got.errors, "address already in use") {
		t.Errorf("%+v", got)
	}
	stop()
}

// TestPreview shows a folder.
func TestPreview(t *testing.T) {
	eml := write(t, "a.eml", "Subject: one\r\n\r\nx")
	first, _, _, stop := serve(t, "preview", filepath.Dir(eml), "--http", "127.0.0.1:0")
	address := regexp.MustCompile(`^1 mails: (http://127\.0\.0\.1:\d+/)`).FindStringSubmatch(first)
	if address == nil {
		t.Fatal(first)
	}
	if page := get(t, address[1]); !strings.Contains(page, "one") {
		t.Error(page)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(eml), "b.eml"), []byte("Subject: two\r\n\r\nx"), 0o600); err != nil {
		t.Fatal(err)
	}
	if mail := get(t, address[1]+"api/wait?q=subject:two"); !strings.Contains(mail, `"subject":"two"`) {
		t.Error(mail)
	}
	if status := stop(); status != 0 {
		t.Error(status)
	}
	if got := run(t, []string{"preview", filepath.Join(filepath.Dir(eml), "none")}, ""); got.status != 65 {
		t.Errorf("%+v", got)
	}
}

// TestBench measures windows until one is not faster, and stops at the first refusal.
func TestBench(t *testing.T) {
	srv := open(t)
	got := run(t, []string{"bench", "smtp://" + srv.Addr(), "--from", "a@example.org", "--to", "b@example.org", "--mails", "5", "--max-window", "2", "--pause", "0s", "--size", "100"}, "")
	if got.status != 0 || !strings.Contains(got.out, "window   1      5 of 5 accepted") {
		t.Errorf("%+v", got)
	}
	if n := len(srv.Messages()); n != 5 && n != 10 {
		t.Errorf("%d mails", n)
	}
	down := open(t)
	down.Close()
	got = run(t, []string{"bench", "smtp://" + down.Addr(), "--from", "a@example.org", "--to", "b@example.org"}, "") // does not wait for it
	if got.status != 75 || !strings.Contains(got.errors, "stopped at a window of 1") || !strings.Contains(got.errors, "refused") {
		t.Errorf("%+v", got)
	}
	full := open(t, smtptest.MessagesPerSession(3, smtptest.Reply("451 4.7.1 enough for now")))
	got = run(t, []string{"bench", "smtp://" + full.Addr(), "--from", "a@example.org", "--to", "b@example.org", "--mails", "5", "--pause", "0s", "--json"}, "")
	if got.status != 75 || !strings.Contains(got.errors, "stopped at a window of 1") || !strings.Contains(got.out, `"accepted":3`) {
		t.Errorf("%+v", got)
	}
}
