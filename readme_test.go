package depeche_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/internal/docsnippet"
	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

// TestReadmeProgram compiles the program of the README as a reader pastes it, and runs it: it sends its mail, and says
// what is wrong when it cannot.
func TestReadmeProgram(t *testing.T) {
	t.Parallel()
	blocks, err := docsnippet.Find("README.md")
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(blocks, func(s docsnippet.Snippet) bool { return strings.HasPrefix(s.Code, "package main\n") })
	if at < 0 {
		t.Fatal("the README has no whole program")
	}
	folder := t.TempDir()
	source, program := filepath.Join(folder, "main.go"), filepath.Join(folder, "program.exe")
	if err := os.WriteFile(source, []byte(blocks[at].Code), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	server := smtptest.NewUnstartedServer(t)
	server.Config.Security, server.Config.Mechanisms = smtptest.Plaintext, map[string]smtptest.Mechanism{}
	server.Start()
	run := func(url string) (said string, ok bool) {
		command := exec.CommandContext(t.Context(), program)
		command.Dir, command.Env = folder, append(os.Environ(), "MAIL_PASSWORD_FILE=", "MAIL_URL="+url)
		out, err := command.CombinedOutput()
		return string(out), err == nil
	}
	if said, ok := run("smtp://" + server.Addr()); !ok || !strings.Contains(said, "accepted 250 2.0.0 queued") || len(server.Messages()) != 1 {
		t.Fatalf("%d mails, it says %s", len(server.Messages()), said)
	}
	view := mailtest.Parse(server.Messages()[0].Content)
	if view.Subject() != "Happy new year" || !strings.Contains(view.HTML, "Be happy!") || len(view.Attachments) != 1 {
		t.Errorf("%+v", view)
	}
	server.Use(smtptest.RefuseRecipients(map[string]string{"hei@domain.tld": "550 5.1.1 no such user"}))
	for url, want := range map[string]string{"": "MAIL_URL", "smtp://" + server.Addr(): "no such user"} {
		if said, ok := run(url); ok || !strings.Contains(said, want) {
			t.Errorf("MAIL_URL %q: it says %s", url, said)
		}
	}
}
