package depeche_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/depeche-mail/depeche"
)

// TestSendSaysQuitWithTheContent: the server of a single Send says what it makes of the mail when it has seen QUIT too.
func TestSendSaysQuitWithTheContent(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		say := func(text string) { _, _ = io.WriteString(nc, text) }
		say("220 x\r\n")
		for lines := bufio.NewScanner(nc); lines.Scan(); {
			switch verb, _, _ := strings.Cut(lines.Text(), " "); verb {
			case "EHLO":
				say("250-x\r\n250 PIPELINING\r\n")
			case "MAIL", "RCPT":
				say("250 ok\r\n")
			case "DATA":
				say("354 go\r\n")
			case "QUIT":
				say("250 taken\r\n221 bye\r\n")
			}
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // for a failure
	defer cancel()
	if _, err := depeche.Send(ctx, "smtp://"+ln.Addr().String(), note(t)); err != nil {
		t.Error(err)
	}
}
