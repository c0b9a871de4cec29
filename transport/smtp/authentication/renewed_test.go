package authentication_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/depeche-mail/depeche/transport/smtp/authentication"
)

// counter fetches the secrets s1, s2 ... that are valid for an hour, each within a second.
type counter struct{ n atomic.Int32 }

func (c *counter) fetch(ctx context.Context) (string, time.Time, error) {
	n := c.n.Add(1)
	select {
	case <-time.After(time.Second):
		return fmt.Sprintf("s%d", n), time.Now().Add(time.Hour), nil
	case <-ctx.Done():
		return "", time.Time{}, context.Cause(ctx)
	}
}

func newRenewed(t *testing.T, fetch authentication.FetchSecret) authentication.Renewed {
	t.Helper()
	r, err := authentication.NewRenewed(fetch, 0)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRenewedOnce: all who need the secret at once share one fetch, and it is kept until shortly before its end.
func TestRenewedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c counter
		r := newRenewed(t, c.fetch)
		want := func(secret string) {
			t.Helper()
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					if got, err := r.Secret(t.Context()); got != secret || err != nil {
						t.Errorf("%s, %v, want %s", got, err, secret)
					}
				})
			}
			all.Wait()
		}
		want("s1")
		time.Sleep(58 * time.Minute)
		want("s1")
		time.Sleep(time.Minute + 2*time.Second) // within a minute of its end
		want("s2")
		r.Refused("s1") // of an older connection
		want("s2")
		r.Refused("s2")
		want("s3")
		if n := c.n.Load(); n != 3 {
			t.Errorf("%d fetches", n)
		}
	})
}

// TestRenewedCallersLeave: a caller who does not wait any longer does not end the fetch for others, also when it was
// the one that began it.
func TestRenewedCallersLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c counter
		r := newRenewed(t, c.fetch)
		impatient, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		first := make(chan error)
		go func() {
			_, err := r.Secret(impatient)
			first <- err
		}()
		synctest.Wait() // it has begun the fetch
		second := make(chan string)
		go func() {
			secret, _ := r.Secret(t.Context())
			second <- secret
		}()
		if err := <-first; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the first: %v", err)
		}
		if secret := <-second; secret != "s1" || c.n.Load() != 1 {
			t.Errorf("the second: %q after %d fetches", secret, c.n.Load())
		}
	})
}

// TestRenewedFails: a fetch that fails, hangs, panics or returns nothing is an error, and the next one is a new try.
func TestRenewedFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errDown := errors.New("down")
		for name, tc := range map[string]struct {
			fetch authentication.FetchSecret
			want  string
		}{
			"fails":   {func(context.Context) (string, time.Time, error) { return "x", time.Time{}, errDown }, "down"},
			"panics":  {func(context.Context) (string, time.Time, error) { panic("no key\nin the map") }, "did not return: panic: no key?in the map"},
			"nothing": {func(context.Context) (string, time.Time, error) { return "", time.Time{}, nil }, "returned none"},
			"hangs": {func(ctx context.Context) (string, time.Time, error) {
				<-ctx.Done()
				return "", time.Time{}, ctx.Err()
			}, "deadline exceeded"},
		} {
			broken := true
			r := newRenewed(t, func(ctx context.Context) (string, time.Time, error) {
				if broken {
					return tc.fetch(ctx)
				}
				return "good", time.Time{}, nil
			})
			begin := time.Now()
			secret, err := r.Secret(t.Context())
			if secret != "" || err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %q, %v", name, secret, err)
			}
			if took := time.Since(begin); took > authentication.FetchLimit {
				t.Errorf("%s: it took %v", name, took)
			}
			broken = false
			if secret, err := r.Secret(t.Context()); secret != "good" || err != nil {
				t.Errorf("%s: then %q, %v", name, secret, err)
			}
			time.Sleep(1000 * time.Hour) // a secret without an end
			if secret, _ := r.Secret(t.Context()); secret != "good" {
				t.Errorf("%s: later %q", name, secret)
			}
		}
	})
}

// TestRenewedRefuses: what cannot work is found when it is made, and nothing prints the secret.
func TestRenewedRefuses(t *testing.T) {
	if _, err := authentication.NewRenewed(nil, 0); err == nil {
		t.Error("without a function")
	}
	var zero authentication.Renewed
	zero.Refused("x")
	if _, err := zero.Secret(t.Context()); err == nil {
		t.Error("the zero Renewed has a secret")
	}
	if _, err := authentication.TokenRenewed("u", zero); err == nil {
		t.Error("credentials of the zero Renewed")
	}
	r := newRenewed(t, func(context.Context) (string, time.Time, error) { return "hunter2", time.Time{}, nil })
	if _, err := r.Secret(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := authentication.PasswordRenewed("jane", r)
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := c.Resolve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%v %+v %#v %+v %#v %+v", r, r, r, c, resolved, struct{ hidden any }{r})
	if strings.Contains(text, "hunter2") {
		t.Error(text)
	}
}

// TestRenewedPanicShowsNoSecret: the value of a panic may quote the secret before.
func TestRenewedPanicShowsNoSecret(t *testing.T) {
	const old = "hunter2hunter2"
	n := 0
	r := newRenewed(t, func(context.Context) (string, time.Time, error) {
		if n++; n > 1 {
			panic(errors.New("cannot renew " + old))
		}
		return old, time.Time{}, nil
	})
	if _, err := r.Secret(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Refused(old)
	if _, err := r.Secret(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "panic: cannot renew ***") {
		t.Errorf("%v", err)
	}
}
