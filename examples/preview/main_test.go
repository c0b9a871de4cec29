package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/depeche-mail/depeche/mailtest"
	"github.com/depeche-mail/depeche/mailtest/preview"
)

func TestWelcome(t *testing.T) {
	inbox := mailtest.New()
	if err := welcome(t.Context(), inbox); err != nil {
		t.Fatal(err)
	}
	page := httptest.NewRecorder()
	preview.New(inbox).ServeHTTP(page, httptest.NewRequest(http.MethodGet, "http://localhost/", nil))
	if !strings.Contains(page.Body.String(), "Welcome") {
		t.Error(page.Body)
	}
}
