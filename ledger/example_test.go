package ledger_test

import (
	"context"
	"fmt"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/stub"
)

// A program sends, is killed before it hears the verdict of its second mail, and is started again.
func ExampleOnce() {
	from, _ := envelope.ParseAddress("shop@example.org")
	relay, book := stub.New().Next(stub.Accept(), stub.LoseReply()), ledger.NewMemory()
	for range 2 {
		sender, err := ledger.Once{Next: relay, Ledger: book}.Build()
		if err != nil {
			fmt.Println(err)
			return
		}
		for _, customer := range []string{"ann", "bob"} {
			to, _ := envelope.ParseAddress(customer + "@example.org")
			env, _ := envelope.New(from, to)
			mail := transport.WithKey(transport.Raw(env, []byte("Subject: Your receipt\r\n\r\nThank you!\r\n")), "receipt/"+customer)
			result, _ := sender.Send(context.Background(), mail)
			r := result.Recipients[0]
			fmt.Println(result.Key, r.Outcome, r.Replayed)
		}
		book = book.Restart()
	}
	to, _ := envelope.ParseAddress("bob@example.org")
	fmt.Println(book.Resolve(context.Background(), "receipt/bob", to, transport.Accepted)) // the log of the relay says so
	// Output:
	// receipt/ann accepted false
	// receipt/bob unknown false
	// receipt/ann accepted true
	// receipt/bob unknown true
	// <nil>
}

// The operator of a ledger looks at what a key stands for, and forgets a recipient.
func ExampleBook() {
	ctx := context.Background()
	book := ledger.NewMemory()
	to, _ := envelope.ParseAddress("ann@example.org")
	grants, err := book.Claim(ctx, []ledger.Claim{{Key: "receipt/7", Recipient: to}})
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = book.End(ctx, []ledger.Ended{{Grant: grants[0], Fate: ledger.Fate{Outcome: transport.Accepted}}})
	records, err := book.Lookup(ctx, "receipt/7")
	for _, r := range records {
		fmt.Println(r.Key, r.Recipient, r.Outcome)
	}
	fmt.Println(err)
	fmt.Println(book.Erase(ctx, to))
	// Output:
	// receipt/7 ann@example.org accepted
	// <nil>
	// 1 <nil>
}

// A key that is used again is answered with the outcome of the first time, and the mail of another caller is refused.
func ExampleLedger() {
	ctx := context.Background()
	book := ledger.NewMemory()
	from, _ := envelope.ParseAddress("shop@example.org")
	to, _ := envelope.ParseAddress("ann@example.org")
	claim := ledger.Claim{Key: "receipt/7", Recipient: to, Digest: ledger.NewDigest(from, to, "")}
	grants, _ := book.Claim(ctx, []ledger.Claim{claim})
	fmt.Println(grants[0].Answer == ledger.Send)
	grants, _ = book.Claim(ctx, []ledger.Claim{claim})
	fmt.Println(grants[0].Answer == ledger.Busy)
	// Output:
	// true
	// true
}
