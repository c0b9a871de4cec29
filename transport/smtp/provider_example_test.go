package smtp_test

import (
	"context"
	"fmt"
	"net"

	"github.com/depeche-mail/depeche/transport/smtp"
)

// A provider is known by its name, and the pool keeps to what it allows.
func ExampleForProvider() {
	sender, err := smtp.ForProvider("outlook365").Login("user@contoso.example", "secret").Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = sender.Close() }()
	preset, _ := smtp.LookupProvider("outlook365")
	fmt.Println(preset.Host, preset.Limits.Connections, "connections,", preset.Limits.PerMinute, "messages a minute")
	// Output: smtp.office365.com 3 connections, 30 messages a minute
}

// A URL holds everything that is configured, and prints without its password.
func ExampleParseURL() {
	u, err := smtp.ParseURL("smtp+starttls://user:p%40ss@smtp.example.com?hello=app.example.com&pool=4")
	fmt.Println(u, err)
	_, err = smtp.ParseURL("smtps://user:p%40ss@smtp.example.com?colour=blue")
	fmt.Println(err)
	// Output:
	// smtp+starttls://user:***@smtp.example.com?hello=app.example.com&pool=4 <nil>
	// URL "colour": unknown key
}

// records is a resolver for the example.
type records struct{}

func (records) LookupSRV(_ context.Context, service, _, name string) (string, []*net.SRV, error) {
	if service == "submissions" && name == "example.org." {
		return "", []*net.SRV{{Target: "smtp.provider.example.", Port: 465}}, nil
	}
	return "", nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// A relay outside of the domain is used with a certificate of the domain, or after a person has said that it
// is the right one.
func ExampleDiscoverWith() {
	found, err := smtp.DiscoverWith(context.Background(), records{}, "user@example.org")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, relay := range found {
		fmt.Println(relay.Host, relay.Port, "outside of the domain:", relay.OutOfDomain)
		if relay.OutOfDomain { // ask the user, then
			relay = relay.Trust()
		}
		sender, err := relay.Builder().Login("user@example.org", "secret").Build()
		if err != nil {
			fmt.Println(err)
			continue
		}
		_ = sender.Close()
	}
	// Output: smtp.provider.example 465 outside of the domain: true
}
