package extension_test

import (
	"fmt"
	"net/netip"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
)

func ExampleServerInfo() {
	info, err := extension.Parse([]string{"mx.example.org greets you", "PIPELINING", "SIZE 10240000", "AUTH PLAIN LOGIN", "LIMITS RCPTMAX=50"})
	fmt.Println(info.Name(), info.SizeLimit(), info.Mechanisms(), info.Limits().RcptMax, err)
	fmt.Println(info.Has(extension.Pipelining), info.Has(extension.Chunking))
	// Output:
	// mx.example.org 10240000 [PLAIN LOGIN] 50 <nil>
	// true false
}

// A guarantee that the server does not offer is an error, and is never dropped in silence.
func ExampleMailParams() {
	info, err := extension.Parse([]string{"mx.example.org", "SIZE 1000"})
	if err != nil {
		fmt.Println(err)
		return
	}
	params := extension.MailParams{Size: 900, RequireTLS: true}
	fmt.Printf("%s\n", params.AppendTo(nil))
	fmt.Println(params.CheckSupported(info))
	fmt.Println(extension.MailParams{Size: 2000}.CheckSupported(info))
	// Output:
	//  SIZE=900 REQUIRETLS
	// REQUIRETLS needs REQUIRETLS, which the server does not offer
	// SIZE is beyond what the server offers with SIZE: at most 1000 octets
}

func ExampleRcptParams() {
	params := extension.RcptParams{Notify: envelope.NotifySuccess, Original: extension.OriginalRecipient{Address: "hei+old@example.org"}}
	fmt.Printf("%s %v\n", params.AppendTo(nil), params.Check())
	// Output: NOTIFY=SUCCESS ORCPT=rfc822;hei+2Bold@example.org <nil>
}

func ExampleHelloName() {
	for _, text := range []string{"client.example.org", "192.0.2.1", "two words"} {
		name, err := extension.ParseHelloName(text)
		fmt.Println(name, err == nil)
	}
	fmt.Println(extension.DefaultHelloName("laptop", netip.MustParseAddr("192.0.2.7")))
	// Output:
	// client.example.org true
	// [192.0.2.1] true
	//  false
	// [192.0.2.7]
}
