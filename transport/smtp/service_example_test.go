package smtp_test

import (
	"fmt"

	"github.com/depeche-mail/depeche/transport/smtp"
)

// A provider is known by its name, and the pool keeps to what it allows.
func ExampleService() {
	sender, err := smtp.Service("outlook365").Credentials("user@contoso.example", "secret").Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = sender.Close() }()
	preset, _ := smtp.LookupService("outlook365")
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
