package commands_test

import (
	"fmt"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport/smtp/commands"
	"github.com/depeche-mail/depeche/transport/smtp/extension"
)

// show prints the line of a command, or why it cannot be written.
func show(command commands.Command) {
	line, err := command.AppendTo(nil)
	fmt.Printf("%q %v\n", line, err)
}

func ExampleMail() {
	from, err := envelope.ParseAddress("a@example.org")
	if err != nil {
		fmt.Println(err)
		return
	}
	show(commands.Mail{From: from, Params: extension.MailParams{Size: 1024, Body: extension.Body8Bit}})
	show(commands.Mail{}) // the null path
	// Output:
	// "MAIL FROM:<a@example.org> SIZE=1024 BODY=8BITMIME\r\n" <nil>
	// "MAIL FROM:<>\r\n" <nil>
}

func ExampleRcpt() {
	to, err := envelope.ParseAddress(`"two words"@example.org`)
	if err != nil {
		fmt.Println(err)
		return
	}
	show(commands.Rcpt{To: to, Params: extension.RcptParams{Notify: envelope.NotifyNever}})
	// Output: "RCPT TO:<\"two words\"@example.org> NOTIFY=NEVER\r\n" <nil>
}

func ExampleBdat() {
	show(commands.Bdat{Size: 86, Last: true})
	// Output: "BDAT 86 LAST\r\n" <nil>
}

// A command that this package does not know. An argument can never become a second command.
func ExampleCustom() {
	show(commands.Custom{Name: "XCLIENT", Arguments: "ADDR=192.0.2.1"})
	show(commands.Custom{Name: "XCLIENT", Arguments: "ADDR=192.0.2.1\r\nDATA"})
	// Output:
	// "XCLIENT ADDR=192.0.2.1\r\n" <nil>
	// "" XCLIENT command not sent: control character in argument
}

func ExampleEhlo() {
	name, err := extension.ParseHelloName("client.example.org")
	if err != nil {
		fmt.Println(err)
		return
	}
	show(commands.Ehlo{HelloName: name})
	// Output: "EHLO client.example.org\r\n" <nil>
}
