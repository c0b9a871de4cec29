// Package chromium drives a headless Chromium for tests, by its debugging protocol over a pipe. It needs the
// Debian package chromium. Elsewhere tests skip and say so, unless the environment variable DEPECHE_INTEROP is
// "require": then they fail, so that CI cannot skip in silence.
package chromium

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// Browser is a running Chromium with a profile of its own.
type Browser struct {
	commands io.Writer

	mu      sync.Mutex
	next    int
	waiting map[int]chan reply
	events  map[event]chan struct{} // closed when it happens
	ended   error                   // why nothing is read any more
}

// event is something that a tab tells of.
type event struct{ session, method string }

// reply is a message of the browser: an answer if it has an ID, else an event.
type reply struct {
	ID        int             `json:"id"`
	SessionID string          `json:"sessionId"`
	Method    string          `json:"method"`
	Result    json.RawMessage `json:"result"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// patience is how long anything may take that is bound to happen.
const patience = time.Minute

// Start starts a browser that ends with the test.
func Start(t *testing.T) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("DEPECHE_INTEROP") == "require" {
			t.Fatalf("a browser is required: %v", err)
		}
		t.Skipf("SKIPPED, NOT TESTED: a browser is needed (apt-get install chromium): %v", err)
	}
	toBrowser, commands, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	replies, fromBrowser, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	// --no-sandbox is about processes, and needed by root; sandboxes of frames are something else.
	cmd := exec.CommandContext(t.Context(), path, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
		"--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--hide-scrollbars", "--user-data-dir="+t.TempDir())
	cmd.ExtraFiles = []*os.File{toBrowser, fromBrowser} // which it has as 3 and 4
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = toBrowser.Close(), fromBrowser.Close()
	b := &Browser{commands: commands, waiting: map[int]chan reply{}, events: map[event]chan struct{}{}}
	var reading sync.WaitGroup
	reading.Go(func() { b.read(replies) })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		_ = b.call(ctx, "", "Browser.close", nil, nil) // it may be gone before it answers
		_ = cmd.Wait()
		_ = commands.Close()
		reading.Wait()
		_ = replies.Close()
	})
	return b
}

// read hands out what the browser says until it ends.
func (b *Browser) read(from io.Reader) {
	for in := bufio.NewReader(from); ; {
		text, err := in.ReadBytes(0)
		var r reply
		if err == nil {
			err = json.Unmarshal(text[:len(text)-1], &r)
		}
		b.mu.Lock()
		if err != nil {
			b.ended = fmt.Errorf("the browser has ended: %w", err)
			for _, answer := range b.waiting {
				close(answer)
			}
			clear(b.waiting)
			b.mu.Unlock()
			return
		}
		if answer, ok := b.waiting[r.ID]; ok && r.ID != 0 {
			delete(b.waiting, r.ID)
			answer <- r // it has room for one
		} else if happened, ok := b.events[event{r.SessionID, r.Method}]; ok {
			delete(b.events, event{r.SessionID, r.Method})
			close(happened)
		}
		b.mu.Unlock()
	}
}

// expect returns a channel that is closed when the event happens next.
func (b *Browser) expect(e event) <-chan struct{} {
	happened := make(chan struct{})
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events[e] = happened
	return happened
}

// call sends a command and waits for its answer, of which result gets the value.
func (b *Browser) call(ctx context.Context, session, method string, params, result any) error {
	answer := make(chan reply, 1)
	b.mu.Lock()
	if b.ended != nil {
		defer b.mu.Unlock()
		return b.ended
	}
	b.next++
	b.waiting[b.next] = answer
	command := map[string]any{"id": b.next, "method": method}
	if session != "" {
		command["sessionId"] = session
	}
	if params != nil {
		command["params"] = params
	}
	text, err := json.Marshal(command)
	if err == nil {
		_, err = b.commands.Write(append(text, 0))
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case r, ok := <-answer:
		switch {
		case !ok:
			return errors.New("the browser has ended")
		case r.Error != nil:
			return fmt.Errorf("%s: %s", method, r.Error.Message)
		case result != nil:
			return json.Unmarshal(r.Result, result)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, context.Cause(ctx))
	}
}
