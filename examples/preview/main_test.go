package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestRun starts the program, follows the links of the list as a browser does, and ends it.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, w) }()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address := regexp.MustCompile(`http://127\.0\.0\.1:\d+/`).FindString(line)
	if address == "" || !strings.HasPrefix(line, "3 mails") {
		t.Fatal(line)
	}
	get := func(path string) string {
		response, err := http.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v", path, response.Status, err)
		}
		return string(body)
	}
	mails := regexp.MustCompile(`mail/[A-Z0-9]+/`).FindAllString(get(""), -1)
	if len(mails) != 3 {
		t.Fatal(mails)
	}
	for i, want := range []string{"A visitor wrote: &lt;script&gt;", "Bestellung für Hei.csv", "Welcome — 歡迎"} {
		if page := get(mails[i]); !strings.Contains(page, want) {
			t.Errorf("%q is not in %s", want, page)
		}
	}
	if frame := get(mails[2] + "html"); !strings.Contains(frame, `src="part/0"`) {
		t.Error(frame)
	}
	http.DefaultClient.CloseIdleConnections()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
