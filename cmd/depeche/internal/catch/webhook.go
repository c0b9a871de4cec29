package catch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	hookQueue   = 1000 // mails that wait to be told of
	hookTimeout = 10 * time.Second
)

// webhook posts each mail as JSON to one URL, in the order in which they came. It goes nowhere else: a redirect is an error.
type webhook struct {
	url     string
	handler http.Handler // has the JSON
	log     func(Event)
	ids     chan string
	client  *http.Client
}

var errRedirect = errors.New("the webhook redirects; name the address that it redirects to")

func newWebhook(url string, handler http.Handler, log func(Event)) *webhook {
	return &webhook{url: url, handler: handler, log: log, ids: make(chan string, hookQueue), client: &http.Client{
		Timeout:       hookTimeout,
		Transport:     &http.Transport{}, // no proxy of the environment
		CheckRedirect: func(*http.Request, []*http.Request) error { return errRedirect },
	}}
}

// tell queues a mail; it never waits.
func (w *webhook) tell(id string) {
	select {
	case w.ids <- id:
	default:
		w.log(Event{Event: "webhook failed", ID: id, Error: "1000 mails wait already"})
	}
}

func (w *webhook) run(ctx context.Context) {
	defer w.client.CloseIdleConnections()
	for {
		select {
		case id := <-w.ids:
			if err := w.post(ctx, id); err != nil && ctx.Err() == nil {
				w.log(Event{Event: "webhook failed", ID: id, Error: err.Error()})
			}
		case <-ctx.Done():
			return
		}
	}
}

// post sends the JSON of a mail. One that was deleted meanwhile is left out.
func (w *webhook) post(ctx context.Context, id string) error {
	mail, ok := w.mail(ctx, id)
	if !ok {
		return nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(mail))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := w.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("the webhook answered %s", response.Status)
	}
	return nil
}

// mail returns the same JSON as GET /api/mails/ID.
func (w *webhook) mail(ctx context.Context, id string) ([]byte, bool) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/api/mails/"+id, nil)
	if err != nil {
		return nil, false
	}
	answer := &buffer{header: http.Header{}, status: http.StatusOK}
	w.handler.ServeHTTP(answer, request)
	return answer.body.Bytes(), answer.status == http.StatusOK
}

// buffer is an answer that stays here.
type buffer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (b *buffer) Header() http.Header { return b.header }

func (b *buffer) WriteHeader(status int) { b.status = status }

func (b *buffer) Write(data []byte) (int, error) { return b.body.Write(data) }
