package preview_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/mailtest/preview"
	"github.com/depeche-mail/depeche/message"
)

// The mails of an inbox in a browser: http.ListenAndServe("localhost:8025", preview.New(inbox)) in a program.
func ExampleNew() {
	inbox := mailtest.New()
	mail, err := message.New().From("shop@example.org").To("hei@example.com").Subject("Welcome").Text("Good to have you here.\n").Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := inbox.Send(context.Background(), mail); err != nil {
		fmt.Println(err)
		return
	}
	request := httptest.NewRequest(http.MethodGet, "http://localhost:8025/", nil)
	page := httptest.NewRecorder()
	preview.New(inbox).ServeHTTP(page, request)
	fmt.Println(page.Code, strings.Contains(page.Body.String(), "Welcome"))
	// Output: 200 true
}
