package newcomer_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche/interop/chromium"
	"github.com/depeche-mail/depeche/interop/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// command builds the command, once per test.
func command(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "depeche")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".")
	build.Dir = "../../cmd/depeche"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// place is where catch has said that it is.
type place struct{ Event, SMTP, Page, API string }

// host and port are those of the mail server.
func (p place) host(t *testing.T) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(p.SMTP)
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

// startCatch starts catch on free ports; it ends with the test.
func startCatch(t *testing.T, path string, arguments ...string) place {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	cmd := exec.CommandContext(ctx, path, append([]string{"catch", "--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--json"}, arguments...)...)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	var at place
	if err == nil {
		err = json.Unmarshal([]byte(first), &at)
	}
	ended := make(chan struct{})
	go func() { _, _ = io.Copy(io.Discard, lines); close(ended) }()
	t.Cleanup(func() {
		cancel()
		<-ended
		_ = cmd.Wait()
	})
	if err != nil || at.Event != "started" {
		t.Fatal(first, err)
	}
	return at
}

// do runs a program that must succeed.
func do(t *testing.T, dir, stdin string, environment []string, name string, arguments ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, arguments...)
	cmd.Dir, cmd.Stdin, cmd.Env = dir, strings.NewReader(stdin), append(os.Environ(), environment...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(arguments, " "), err, out)
	}
	return string(out)
}

const (
	nodeProgram = `
const nodemailer = require("nodemailer");
nodemailer.createTransport({ host: process.env.SMTP_HOST, port: +process.env.SMTP_PORT, auth: { user: "node", pass: "secret" } }).sendMail({
  from: "Node <node@example.org>", to: "Hei <hei@example.org>", bcc: "audit@example.org", subject: "From nodemailer",
  text: "Hello from Node", html: "<p>Hello from <b>Node</b> <a href='https://shop.example.org/confirm?token=42'>confirm</a></p>",
  attachments: [{ filename: "data.json", content: "{}" }],
}).then(() => console.log("sent"), (err) => { console.error(err); process.exit(1); });`
	pythonProgram = `
import os, smtplib
from email.message import EmailMessage
mail = EmailMessage()
mail["From"], mail["To"], mail["Subject"] = "Python <python@example.org>", "bob@rig.test", "From smtplib"
mail.set_content("Hello from Python")
with smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"])) as server:
    server.login("python", "secret")
    server.send_message(mail)
print("sent")`
)

// request asks the API.
func request(t *testing.T, method, address string, want int) map[string]any {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var value map[string]any
	if err := json.NewDecoder(response.Body).Decode(&value); err != nil || response.StatusCode != want {
		t.Fatalf("%s %s: %s, %v, %v", method, address, response.Status, value, err)
	}
	return value
}

// TestFirstSession starts catch, points three programs at it, sees their mails in a browser, releases one to Postfix, searches,
// deletes, and waits for a mail by the API.
func TestFirstSession(t *testing.T) {
	r := rig.Start(t, "postfix")
	path := command(t)
	at := startCatch(t, path, "--relay", "smtp://"+r.Get(t, "POSTFIX_SMTP_ADDR"))
	host, port := at.host(t)
	environment := []string{"SMTP_HOST=" + host, "SMTP_PORT=" + port, "MAIL_URL=smtp://" + at.SMTP}

	node := t.TempDir()
	do(t, node, "", nil, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "nodemailer@7.0.5")
	do(t, node, "", environment, "node", "-e", nodeProgram)
	do(t, "", "", environment, "python3", "-c", pythonProgram)
	do(t, "../..", "", environment, "go", "run", "./examples/quickstart", "-from", "zoe@example.org", "-to", "hei@example.org")

	tab := chromium.Start(t).Open(t)
	tab.Load(t, at.Page)
	for _, want := range []string{"From nodemailer", "From smtplib", "Grüße aus Zürich"} {
		if names := tab.Named(t, "link", want); len(names) != 1 {
			t.Errorf("%d links say %q", len(names), want)
		}
	}
	// The mail of nodemailer, with who is blind and how it came.
	tab.Click(t, `.list li:has(a[href]):nth-child(3) a`)
	tab.Until(t, `document.querySelector("h1").innerText === "From nodemailer"`)
	tab.Until(t, `document.body.innerText.includes("audit@example.org envelope only")`)
	tab.Until(t, `document.querySelector(".more").textContent.includes("no TLS, login node")`)
	tab.Click(t, `a[rel=up]`)

	// Search, open and release the one of smtplib.
	tab.Click(t, `input[type=search]`)
	tab.Type(t, "from:python")
	tab.Key(t, "Enter")
	tab.Until(t, `document.querySelector("#status").innerText === "1 mail of 3 found"`)
	tab.Click(t, `.list a`)
	tab.Click(t, `.more:nth-of-type(2) summary`)
	tab.Click(t, `.release button`)
	tab.Until(t, `document.body.dataset.page === "mail" && document.querySelector(".outcome").innerText === "accepted"`)
	if stored := r.Stored(t, "POSTFIX_MAIL", "bob", 1); !strings.Contains(string(stored[len(stored)-1]), "Hello from Python") {
		t.Errorf("Postfix has %s", stored)
	}

	// Delete it, by the page; the API sees it gone.
	tab.Click(t, `#delete button`)
	tab.Until(t, `document.querySelector("#status").innerText === "2 mails, 1 unread"`)
	if found := request(t, http.MethodGet, at.API+"mails?q=from:python", http.StatusOK); found["total"] != 0.0 {
		t.Error(found)
	}

	// Wait for a mail, as an end-to-end test does, and follow its link.
	waiting := make(chan map[string]any, 1)
	go func() {
		response, err := http.Get(at.API + "wait?timeout=60s&q=" + url.QueryEscape(`to:hei subject:"from nodemailer" text:node -subject:nothing`))
		var value map[string]any
		if err == nil {
			err = json.NewDecoder(response.Body).Decode(&value)
			_ = response.Body.Close()
		}
		if err != nil {
			value = map[string]any{"error": err.Error()}
		}
		waiting <- value
	}()
	request(t, http.MethodDelete, at.API+"mails", http.StatusOK)
	do(t, node, "", environment, "node", "-e", nodeProgram)
	mail := <-waiting
	if links := fmt.Sprint(mail["links"]); links != "[https://shop.example.org/confirm?token=42]" || fmt.Sprint(mail["blind_recipients"]) != "[audit@example.org]" {
		t.Error(mail)
	}
	tab.Until(t, `document.querySelector("#status").innerText === "1 mail, 1 unread"`) // it has followed all of that
}
