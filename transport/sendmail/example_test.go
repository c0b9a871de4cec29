package sendmail_test

import (
	"fmt"

	"github.com/depeche-mail/depeche/transport/sendmail"
)

// The command is run for each mail, without a shell. Name its program where delivery options matter: the same flag means
// other things to other programs.
func ExampleCommand() {
	sender := sendmail.Command("/usr/sbin/sendmail", "-oi")
	fmt.Println(sender)
	// Output: sendmail:/usr/sbin/sendmail
}
