package response_test

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	"github.com/depeche-mail/depeche/transport/smtp/response"
)

func ExampleRead() {
	server := bufio.NewReader(strings.NewReader("550-5.1.1 no such user\r\n550 5.1.1 here\r\n250 next\r\n"))
	reply, err := response.Read(server)
	fmt.Println(reply.Code, reply.Enhanced, reply.Code.IsPermanent(), err)
	fmt.Println(reply)
	fmt.Println(reply.Enhanced.Meaning())
	// Output:
	// 550 5.1.1 true <nil>
	// 550 5.1.1 no such user here
	// no such mailbox
}

// A Parser takes what has arrived, and says how much of it was a reply.
func ExampleParser() {
	var p response.Parser
	for _, piece := range []string{"250-mx.exa", "mple.org\r\n250 PIPEL", "INING\r\n354 go"} {
		reply, used, err := p.Parse([]byte(piece))
		fmt.Println(reply.Lines, used, err, p.IsPartial())
	}
	// Output:
	// [] 10 <nil> true
	// [] 19 <nil> true
	// [mx.example.org PIPELINING] 7 <nil> false
}

func ExampleProtocolError() {
	_, err := response.Read(bufio.NewReader(strings.NewReader("SSH-2.0-OpenSSH_9.2\r\n")))
	var odd *response.ProtocolError
	fmt.Println(errors.As(err, &odd))
	fmt.Println(err)
	// Output:
	// true
	// protocol error: no reply code: "SSH-2.0-OpenSSH_9.2??"
}
