package beside_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/depeche-mail/depeche/bench/peer"
	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/interop/rig"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/smtp"
)

// way is a way to send mails over one connection.
type way struct {
	name  string
	open  func(t *testing.T, to place) (send func(n int) error)
	lmtp  bool   // it can do that
	limit string // the way that it is a share of
}

var ways = []way{
	{name: "smtp-source", open: smtpSource, lmtp: true},
	{name: "net/smtp", open: library("net/smtp")},
	{name: "go-mail", open: library("go-mail")},
	{name: "nodemailer", open: nodemailer, lmtp: true},
	{name: "limit, one by one", open: limitWindow(1), lmtp: true},
	{name: "depeche, `Send`", open: sends, lmtp: true, limit: "limit, one by one"},
	{name: "limit, window 20", open: limitWindow(20), lmtp: true},
	{name: "depeche, `BulkWindow(20)`", open: window(20), lmtp: true, limit: "limit, window 20"},
	{name: "limit, window 64", open: limitWindow(64), lmtp: true},
	{name: "depeche, `BulkWindow(64)`", open: window(64), lmtp: true, limit: "limit, window 64"},
}

// smtpSource is Postfix's program that loads servers; its mails are a kibibyte long too. It connects anew each time.
func smtpSource(t *testing.T, to place) func(int) error {
	rig.Install(t, "postfix")
	folder := filepath.Join(rig.Programs(), "postfix", "usr")
	return func(n int) error {
		words := []string{"-d", "-s", "1", "-l", "1100", "-m", strconv.Itoa(n), "-f", from, "-t", to.to, "inet:" + to.target.Addr()}
		if to.lmtp {
			words = append([]string{"-L"}, words...)
		}
		command := exec.CommandContext(t.Context(), filepath.Join(folder, "sbin", "smtp-source"), words...)
		command.Env = append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(folder, "lib", "postfix"))
		text, err := command.CombinedOutput()
		if err != nil {
			t.Logf("%s", text)
		}
		return err
	}
}

// library is one of the libraries that bench/peer compares.
func library(name string) func(*testing.T, place) func(int) error {
	return func(t *testing.T, to place) func(int) error {
		all := peer.All()
		session, err := all[slices.IndexFunc(all, func(p peer.Peer) bool { return p.Name == name })].Open(to.target, to.load())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = session.Close() })
		return func(n int) error {
			for range n {
				if err := session.Send(); err != nil {
					return err
				}
			}
			return nil
		}
	}
}

func nodemailer(t *testing.T, to place) func(int) error {
	rig.Install(t, "nodemailer")
	command := exec.CommandContext(t.Context(), "node", "testdata/send.mjs", filepath.Join(rig.Programs(), "nodemailer"), to.target.Host,
		strconv.Itoa(to.target.Port), strconv.FormatBool(to.lmtp), from, to.to, string(to.load().Octets()))
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = input.Close()
		_ = command.Wait()
	})
	replies := bufio.NewScanner(output)
	return func(n int) error {
		if _, err := io.WriteString(input, strconv.Itoa(n)+"\n"); err != nil {
			return err
		}
		if replies.Scan(); replies.Text() != "sent" {
			t.Fatalf("nodemailer says %q, %v", replies.Text(), replies.Err())
		}
		return nil
	}
}

// limitWindow is a program without any library, in the form that the server knows.
func limitWindow(window int) func(*testing.T, place) func(int) error {
	return func(t *testing.T, to place) func(int) error {
		c, octets := to.limit(t), to.load().Octets()
		source := func(dst []byte, _ int) []byte { return append(dst, octets...) }
		return func(n int) error {
			switch {
			case to.oneWay:
				return c.Sequential(n, source)
			case to.data:
				return c.Pipelined(n, source)
			case window == 1:
				return c.OneByOne(n, source)
			}
			return c.Window(n, window, source)
		}
	}
}

func (p place) transport(t *testing.T, window int) (*smtp.Transport, transport.Mail) {
	t.Helper()
	builder := smtp.DangerousPlaintext(p.target.Host)
	if p.lmtp {
		builder = smtp.LMTP(p.target.Host)
	}
	sender, err := builder.Port(p.target.Port).BulkWindow(window).Pool(smtp.Pool{MaxOpen: 1}).Build()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sender.Close() })
	sent, err := envelope.ParseAddress(from)
	if err != nil {
		t.Fatal(err)
	}
	to, err := envelope.ParseAddress(p.to)
	if err != nil {
		t.Fatal(err)
	}
	env, err := envelope.New(sent, to)
	if err != nil {
		t.Fatal(err)
	}
	return sender, transport.Raw(env, p.load().Octets())
}

func sends(t *testing.T, to place) func(int) error {
	sender, mail := to.transport(t, 1)
	return func(n int) error {
		for range n {
			if _, err := sender.Send(t.Context(), mail); err != nil {
				return err
			}
		}
		return nil
	}
}

func window(size int) func(*testing.T, place) func(int) error {
	return func(t *testing.T, to place) func(int) error {
		sender, mail := to.transport(t, size)
		return func(n int) error {
			for _, err := range transport.SendAll(t.Context(), sender, slices.Values(slices.Repeat([]transport.Mail{mail}, n))) {
				if err != nil {
					return err
				}
			}
			return nil
		}
	}
}
