package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/depeche-mail/depeche/transport/smtp/smtptest"
)

const (
	bookFile = "NEWSLETTER_LEDGER"
	dieAfter = "NEWSLETTER_CRASH" // set: the program kills itself in the middle
)

var results int

// crash ends the program as kill -9 does.
func crash() {
	if results++; os.Getenv(dieAfter) == "" || results < 4 {
		return
	}
	fmt.Println("  kill -9")
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		_ = self.Kill()
	}
	select {}
}

// show runs a relay, and the newsletter twice.
func show() error {
	relay, err := smtptest.Start(smtptest.Config{})
	if err != nil {
		return err
	}
	defer relay.Close()
	folder, err := os.MkdirTemp("", "newsletter")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	program, err := os.Executable()
	if err != nil {
		return err
	}
	for run, crash := range []string{"yes", ""} {
		fmt.Printf("run %d\n", run+1)
		cmd := exec.Command(program)
		cmd.Env = append(os.Environ(), bookFile+"="+filepath.Join(folder, "news.ledger"), dieAfter+"="+crash, fmt.Sprintf(
			"MAIL_URL=smtp://127.0.0.1:%d", relay.Port()))
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			fmt.Printf("  the program ended: %v\n", err)
		}
	}
	copies := map[string]int{}
	for _, m := range relay.Messages() {
		for _, to := range m.Addresses() {
			copies[to]++
		}
	}
	twice := 0
	for _, n := range copies {
		if n > 1 {
			twice++
		}
	}
	fmt.Printf("%d subscribers got the mail, %d of them twice\n", len(copies), twice)
	if twice > 0 {
		return errors.New("a mail was sent twice")
	}
	return nil
}
