// Command newsletter sends a newsletter to the rows of a table, once to each, whatever happens to it. Run without
// arguments it shows that: it starts a relay and itself, kills itself in the middle, starts again, and counts what each
// subscriber got.
package main

import (
	"context"
	"embed"
	"encoding/csv"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"strings"

	"github.com/depeche-mail/depeche"
	"github.com/depeche-mail/depeche/ledger"
	"github.com/depeche-mail/depeche/ledger/bolt"
	"github.com/depeche-mail/depeche/message/templates"
	"github.com/depeche-mail/depeche/transport"
)

//go:embed mails subscribers.csv
var files embed.FS

const issue = "november" // part of every key: the next issue goes to all again

func main() {
	work := show
	if os.Getenv(bookFile) != "" {
		work = send
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, "newsletter:", err)
		os.Exit(1)
	}
}

// send is the whole newsletter: run it again after a crash, and it goes on where it was.
func send() error {
	relay, err := depeche.OpenEnv() // MAIL_URL
	if err != nil {
		return err
	}
	defer relay.Close()
	book, err := bolt.Open(os.Getenv(bookFile), bolt.Options{})
	if err != nil {
		return err
	}
	defer book.Close()
	sender, err := ledger.Once{Next: relay, Ledger: book}.Build()
	if err != nil {
		return err
	}
	folder, err := fs.Sub(files, "mails")
	if err != nil {
		return err
	}
	mails, err := templates.Load(folder, templates.Options{})
	if err != nil {
		return err
	}
	for sent, err := range transport.SendRows(context.Background(), sender, rows(mails)) {
		switch {
		case len(sent.Result.Recipients) == 0:
			fmt.Printf("  %s: %v\n", sent.Result.Key, err)
		case sent.Result.Recipients[0].Replayed:
			fmt.Printf("  %s: %v by the first run\n", sent.Result.Key, sent.Result.Recipients[0].Outcome)
		default:
			fmt.Printf("  %s: %v\n", sent.Result.Key, sent.Result.Recipients[0].Outcome)
		}
		crash()
	}
	return nil
}

// rows makes the mails while they are sent. A row that can't become one is reported, and the others go on.
func rows(mails *templates.Library) iter.Seq2[transport.Mail, error] {
	return func(yield func(transport.Mail, error) bool) {
		table, err := files.ReadFile("subscribers.csv")
		if err != nil {
			yield(nil, err)
			return
		}
		list, err := csv.NewReader(strings.NewReader(string(table))).ReadAll()
		if err != nil {
			yield(nil, err)
			return
		}
		for _, row := range list[1:] {
			if !yield(mail(mails, row[0], row[1], row[2])) {
				return
			}
		}
	}
}

func mail(mails *templates.Library, id, name, address string) (transport.Mail, error) {
	msg, err := mails.New(issue, map[string]any{"ID": id, "Name": name}).
		From("Shop <news@example.org>").ToNamed(name, address).
		ListUnsubscribeOneClick("https://shop.example.org/unsubscribe?id=" + id).
		Build()
	return transport.WithKey(msg, issue+"/"+id), err
}
