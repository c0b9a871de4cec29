package file_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/depeche-mail/depeche/envelope"
	"github.com/depeche-mail/depeche/transport"
	"github.com/depeche-mail/depeche/transport/file"
	"github.com/depeche-mail/depeche/transport/stub"
)

// note is a small mail; programs make theirs with package message.
func note(to string) transport.Mail {
	env, err := envelope.Parse("app@example.org", to)
	if err != nil {
		log.Fatal(err)
	}
	return transport.Raw(env, []byte("From: app@example.org\r\nSubject: note\r\nMessage-ID: <1@example.org>\r\n\r\nBe happy!\r\n"))
}

func folder() (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "mail")
	if err != nil {
		log.Fatal(err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }
}

// Each message becomes a file, which Open reads back with its envelope.
func ExampleNew() {
	dir, remove := folder()
	defer remove()
	out, err := file.New(dir)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := out.Send(context.Background(), note("hei@example.com")); err != nil {
		log.Fatal(err)
	}
	store, err := file.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	for stored, err := range store.All() {
		fmt.Println(stored.Envelope(), stored.MessageID(), err)
	}
	// Output: app@example.org > hei@example.com <1@example.org> <nil>
}

func ExampleMaildir() {
	dir, remove := folder()
	defer remove()
	out, err := file.Maildir(filepath.Join(dir, "Mail"))
	if err != nil {
		log.Fatal(err)
	}
	result, err := out.Send(context.Background(), note("hei@example.com"))
	fmt.Println(result.Recipients[0].Outcome, err)
	found, err := filepath.Glob(filepath.Join(dir, "Mail", "new", "*"))
	fmt.Println(len(found), err)
	// Output:
	// accepted <nil>
	// 1 <nil>
}

// Mail that was held back on disk is sent later. What was accepted is removed by the caller.
func ExampleStore_Replay() {
	dir, remove := folder()
	defer remove()
	out, err := file.New(dir)
	if err != nil {
		log.Fatal(err)
	}
	for _, to := range []string{"hei@example.com", "hei@example.com"} {
		if _, err := out.Send(context.Background(), note(to)); err != nil {
			log.Fatal(err)
		}
	}
	store, err := file.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	for sent, err := range store.Replay(context.Background(), stub.New()) {
		fmt.Println(sent.Result.Recipients[0].Outcome, err)
		if stored, ok := sent.Mail.(*file.StoredMessage); ok && err == nil {
			_ = store.Remove(stored.ID())
		}
	}
	left := 0
	for range store.All() {
		left++
	}
	fmt.Println(left, "left")
	// Output:
	// accepted <nil>
	// accepted <nil>
	// 0 left
}
