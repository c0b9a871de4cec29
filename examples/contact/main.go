// Contact is a contact form: what a visitor writes arrives at the office, and an answer goes to the visitor.
//
//	MAIL_URL=smtp://127.0.0.1:1025 go run ./examples/contact
//	curl -d name=Hei -d email=hei@example.org -d text=Hello http://127.0.0.1:8080/contact
package main

import (
	"context"
	"log"
	"net/http"
	"time"

	"github.com/depeche-mail/depeche"
	"github.com/depeche-mail/depeche/message"
)

func main() {
	relay, err := depeche.OpenEnv() // MAIL_URL; nothing connects before the first mail
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("POST /contact", contact{relay})
	server := http.Server{Addr: "127.0.0.1:8080", ReadTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}

type contact struct{ relay *depeche.Sender }

func (c contact) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	msg, err := message.New().
		From("Website <website@example.com>").To("office@example.com"). // never the visitor: the relay may not send for them
		ReplyToNamed(r.FormValue("name"), r.FormValue("email")).        // whatever it is: Build judges it
		Subject("Contact form").Text(r.FormValue("text")).
		Build()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second)
	defer cancel()
	if _, err := c.relay.Send(ctx, msg); err != nil {
		log.Print("contact form: ", err)
		http.Error(w, "Your message was not sent. Please try again.", http.StatusBadGateway)
	}
}
