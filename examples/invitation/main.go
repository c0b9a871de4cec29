// Invitation sends what an organizer sends of a meeting: the invitation, a change, and the end of it. In meeting.go is a guest's
// answer, too. It is a module of its own, because depeche does not depend on a library for iCalendar.
//
//	go run -C cmd/depeche . catch
//	MAIL_URL=smtp://127.0.0.1:1025 go run -C examples/invitation .
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/depeche-mail/depeche"
	"github.com/depeche-mail/depeche/message"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "invitation:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	sender, err := depeche.OpenEnv()
	if err != nil {
		return err
	}
	defer sender.Close()
	now := time.Now()
	m := meeting{
		ID: fmt.Sprintf("%d@example.com", now.UnixNano()), Title: "Harvest, and what follows", Place: "The barn",
		Begin: now.Add(24 * time.Hour), End: now.Add(25 * time.Hour),
		Organizer: person{"Zoë Müller", "zoe@example.com"}, Guests: []person{{"Hei", "hei@example.org"}, {"", "bob@example.org"}},
	}
	later, off := m, m
	later.Sequence, later.Place = 1, "The other barn"
	off.Sequence = 2
	for _, b := range []message.Builder{m.request(now), later.request(now), off.cancel(now)} {
		msg, err := b.Build()
		if err != nil {
			return err
		}
		if _, err := sender.Send(ctx, msg); err != nil {
			return err
		}
		fmt.Println(msg.Subject(), "to", msg.Envelope().Len())
	}
	return nil
}
