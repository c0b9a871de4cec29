// Command gosmtp24 serves SMTP with emersion/go-smtp v0.24.0, which answers 5yz to a BDAT outside of a
// transaction without reading the chunk: it then reads the content as commands. It prints its address,
// and serves until its standard input ends.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"os"

	"github.com/emersion/go-smtp"
)

// session takes everything.
type session struct{}

func (session) Reset()                               {}
func (session) Logout() error                        { return nil }
func (session) Mail(string, *smtp.MailOptions) error { return nil }
func (session) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (session) Data(r io.Reader) error               { _, err := io.Copy(io.Discard, r); return err }

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return session{}, nil }))
	server.Domain = "mail.rig.test"
	go func() { log.Fatal(server.Serve(listener)) }()
	fmt.Println(listener.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin) // whatever ends it, this ends too
}
