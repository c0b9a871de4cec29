package depeche_test

import (
	"fmt"

	"github.com/depeche-mail/depeche"
)

// A group of relays in one string, as it may be in MAIL_URL. It prints without its passwords.
func ExampleParseURL() {
	u, err := depeche.ParseURL("failover(smtps://app:s3cret@a.example.com smtps://app:s3cret@b.example.com)?retry_period=15s")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(u)
	for _, relay := range u.Relays() {
		fmt.Println(relay.User(), "at", relay)
	}
	_, err = depeche.ParseURL("smtps://app:s3/cret@a.example.com")
	fmt.Println(err)
	// Output:
	// failover(smtps://app:***@a.example.com smtps://app:***@b.example.com)?retry_period=15s
	// app at smtps://app:***@a.example.com
	// app at smtps://app:***@b.example.com
	// URL: want scheme://user:password@host:port?key=value, with all but letters and digits of user and password percent-encoded
}
