package client_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
	"github.com/depeche-mail/depeche/transport/smtp/client"
)

// FuzzLogin lets a server answer each line of a login with whatever it likes. No login ends in success
// but by 235, none with SCRAM at all, because the server does not know the password; and the client
// says neither more lines than a login can have, nor its secret to a person who reads the trace.
func FuzzLogin(f *testing.F) {
	for mechanism := range loginMechanisms {
		f.Add(byte(mechanism), "235 2.7.0 ok\n")
		f.Add(byte(mechanism), "334 \n334 \n334 \n235 ok\n")
	}
	f.Add(byte(0), "334 cj0x\n334 dj0x\n235 ok\n")
	f.Add(byte(4), "334 eyJzdGF0dXMiOiI0MDEifQ==\n235 ok\n")
	f.Add(byte(1), "334-a\n334 b\n334 c\n")
	f.Add(byte(0), "33 tes")
	f.Add(byte(2), "334 s3cret-s3cret\n535 czNjcmV0LXMzY3JldA==\n")
	f.Fuzz(func(t *testing.T, choice byte, script string) {
		mechanism := loginMechanisms[int(choice)%len(loginMechanisms)]
		near, far := net.Pipe()
		server := make(chan int)
		go func() { server <- answerLines(far, mechanism, script) }()
		credentials := authentication.Password
		if strings.Contains(mechanism, "OAUTH") {
			credentials = authentication.Token
		}
		c, err := credentials("user", "s3cret-s3cret")
		if err != nil {
			t.Fatal(err)
		}
		transcript := &client.Transcript{}
		conn, err := client.New(t.Context(), near, client.Config{
			TLS: client.TLSNone, Credentials: c, InsecureAuth: true, Trace: transcript.Add,
		})
		if err == nil {
			_ = conn.Close()
		}
		lines := <-server
		if lines > 14 {
			t.Errorf("the client said %d lines", lines)
		}
		if ok := strings.HasPrefix(script, "235") || strings.Contains(script, "\n235"); err == nil && (!ok || strings.HasPrefix(mechanism, "SCRAM")) {
			t.Errorf("%s: logged in by %q", mechanism, script)
		}
		told := transcript.String() + fmt.Sprintf("%v %+v", err, err)
		for _, secret := range []string{"s3cret-s3cret", "czNjcmV0LXMzY3JldA==", "AHVzZXIAczNjcmV0LXMzY3JldA=="} {
			if strings.Contains(told, secret) {
				t.Errorf("%q shows %q", told, secret)
			}
		}
	})
}

var loginMechanisms = []string{"SCRAM-SHA-256", "LOGIN", "PLAIN", "CRAM-MD5", "XOAUTH2", "OAUTHBEARER"}

// answerLines is the server: a good EHLO, then a line of the script for each line of the client. It
// returns how many lines the client said.
func answerLines(nc net.Conn, mechanism, script string) (lines int) {
	defer nc.Close()
	replies := "220 mx\n250-mx\n250 AUTH " + mechanism + "\n" + script
	r := bufio.NewReader(nc)
	for {
		reply, rest, _ := strings.Cut(replies, "\n")
		for len(reply) > 3 && reply[3] == '-' && rest != "" { // a reply of several lines
			next, behind, _ := strings.Cut(rest, "\n")
			reply, rest = reply+"\r\n"+next, behind
			if len(next) <= 3 || next[3] != '-' {
				break
			}
		}
		replies = rest
		if _, err := io.WriteString(nc, reply+"\r\n"); err != nil || rest == "" {
			return lines
		}
		if _, err := r.ReadString('\n'); err != nil {
			return lines
		}
		lines++
	}
}
